//! Parses the text of an observation.

/// A step or a section of the store, with its lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ObservationBlock<'t> {
    /// The action of the step, or the name of the section.
    pub(super) heading: &'t str,
    /// The observed messages or the records, without indentation.
    pub(super) lines: Vec<&'t str>,
}

/// Splits the text into the steps and the store.
pub(super) fn split_text(text: &str) -> (&str, &str) {
    text.split_once("\n\n").unwrap_or((text, ""))
}

/// The steps. Parallel steps follow the step that contains them.
pub(super) fn steps(text: &str) -> Vec<ObservationBlock<'_>> {
    let mut blocks: Vec<ObservationBlock<'_>> = Vec::new();
    for line in text.lines().map(str::trim) {
        match blocks.last_mut() {
            Some(block) if is_seen(line) => block.lines.push(line),
            _ => blocks.push(ObservationBlock { heading: line, lines: Vec::new() }),
        }
    }
    blocks
}

/// The sections of the store.
pub(super) fn sections(text: &str) -> Vec<ObservationBlock<'_>> {
    let mut blocks: Vec<ObservationBlock<'_>> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match (line.strip_prefix("  "), blocks.last_mut()) {
            (Some(record), Some(block)) => block.lines.push(record),
            _ => blocks.push(ObservationBlock { heading: line, lines: Vec::new() }),
        }
    }
    blocks
}

/// Whether a line describes an observed message or event: `<- ok`, `-- nothing came`, `admin <- event tick`.
fn is_seen(line: &str) -> bool {
    on(line).0.is_some() || starts(line)
}

fn starts(line: &str) -> bool {
    line.starts_with("<- ") || line.starts_with("-- ")
}

/// Splits a line into the connection, if it is not the step's own, and the observed message.
pub(super) fn on(line: &str) -> (Option<&str>, &str) {
    match line.split_once(' ') {
        Some((name, rest)) if !starts(line) && starts(rest) => (Some(name), rest),
        _ => (None, line),
    }
}

/// The words of a line, which are separated by two spaces.
pub(super) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.trim().split("  ").map(str::trim).filter(|word| !word.is_empty())
}

/// The topic of a word: `scopes` of `scopes operator.read`, `snapshot.authMode` of `with snapshot.authMode`.
pub(super) fn label(word: &str) -> &str {
    let word = word.strip_prefix("with ").or_else(|| word.strip_prefix("no ")).unwrap_or(word);
    word.split([' ', '=']).next().unwrap_or(word)
}

/// Symbols without their numbers: `<token>` for `<token-2>`. An additional value changes the numbers of all
/// later symbols.
pub(super) fn unnumbered(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(symbol) = symbols(rest).first() {
        let Some((before, after)) = rest.split_once(symbol) else { break };
        let name = symbol.rsplit_once('-').map_or(*symbol, |(name, _)| name);
        out.extend([before, name, ">"]);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The numbered symbols in a text: `<request-1>`.
pub(super) fn symbols(text: &str) -> Vec<&str> {
    let symbol = |at: usize| {
        let end = text[at..].find('>')? + at;
        let (name, number) = text[at + 1..end].rsplit_once('-')?;
        let named = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        (named && !number.is_empty() && number.chars().all(|c| c.is_ascii_digit())).then(|| &text[at..=end])
    };
    text.match_indices('<').filter_map(|(at, _)| symbol(at)).collect()
}
