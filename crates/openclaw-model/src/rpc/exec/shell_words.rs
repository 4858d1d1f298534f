//! Parses a shell command as the releases with command summaries do (`command-explainer/extract.ts`): pipelines, chains
//! and lines, quotes, substitutions and redirections. Loops, subshells and here documents are not supported.

use std::iter::Peekable;
use std::str::Chars;

/// A command and its arguments.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::rpc) struct Command {
    /// The words without quotes.
    pub argv: Vec<String>,
    /// Whether a word other than the first is known only at run time.
    pub dynamic: bool,
    /// The commands inside its words.
    pub substitutions: Vec<String>,
    /// Whether the command reads from or writes to a file.
    pub redirects: bool,
}

/// Words that start a compound command.
const KEYWORDS: [&str; 12] = ["if", "for", "while", "until", "case", "function", "select", "[[", "[", "{", "!", "time"];

/// The commands of a text. `None` if the text contains anything else.
pub(in crate::rpc) fn commands(text: &str) -> Option<Vec<Command>> {
    let mut reader = Reader { rest: text.trim().chars().peekable(), commands: Vec::new(), current: Command::default() };
    while let Some(c) = reader.rest.peek().copied() {
        match c {
            ' ' | '\t' => {
                reader.rest.next();
            }
            '#' => while reader.rest.next_if(|c| *c != '\n').is_some() {},
            '\n' | ';' => {
                reader.rest.next();
                reader.end(c == '\n')?;
            }
            '|' | '&' => {
                reader.rest.next();
                let _ = reader.rest.next_if_eq(&c);
                reader.end(false)?;
            }
            '>' | '<' => reader.redirection()?,
            '(' | ')' | '\r' => return None,
            _ => reader.word()?,
        }
    }
    reader.end(true)?;
    Some(reader.commands).filter(|commands| !commands.is_empty())
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    commands: Vec<Command>,
    current: Command,
}

impl Reader<'_> {
    /// Ends a command. `None` if a required command is missing.
    fn end(&mut self, may_be_empty: bool) -> Option<()> {
        let command = std::mem::take(&mut self.current);
        match command.argv.first() {
            Some(first) if KEYWORDS.contains(&first.as_str()) => None,
            Some(_) => {
                self.commands.push(command);
                Some(())
            }
            None => (may_be_empty && !command.redirects).then_some(()),
        }
    }

    fn redirection(&mut self) -> Option<()> {
        let first = self.rest.next()?;
        if first == '<' && self.rest.peek() == Some(&'<') || self.rest.peek() == Some(&'(') {
            return None;
        }
        while self.rest.next_if(|c| matches!(c, '>' | '&' | '|' | ' ')).is_some() {}
        let target = self.read_word()?;
        self.current.redirects = !target.text.is_empty();
        self.current.redirects.then_some(())
    }

    fn word(&mut self) -> Option<()> {
        let word = self.read_word()?;
        let number = !word.quoted && !word.text.is_empty() && word.text.bytes().all(|byte| byte.is_ascii_digit());
        if number && matches!(self.rest.peek(), Some('>' | '<')) {
            return Some(());
        }
        let assigns = self.current.argv.is_empty() && is_assignment(&word.text);
        if assigns && word.substitutions.is_empty() {
            return Some(());
        }
        if self.current.argv.is_empty() && (word.dynamic || assigns) {
            return None;
        }
        self.current.dynamic |= word.dynamic;
        self.current.substitutions.extend(word.substitutions);
        self.current.argv.push(word.text);
        Some(())
    }

    fn read_word(&mut self) -> Option<ShellWord> {
        let mut word = ShellWord::default();
        while let Some(c) = self.rest.peek().copied() {
            match c {
                ' ' | '\t' | '\n' | ';' | '|' | '&' | '>' | '<' => break,
                '(' | ')' | '\r' => return None,
                '\'' => {
                    self.rest.next();
                    word.quoted = true;
                    loop {
                        match self.rest.next()? {
                            '\'' => break,
                            c => word.text.push(c),
                        }
                    }
                }
                '"' => {
                    self.rest.next();
                    word.quoted = true;
                    self.read_quoted(&mut word)?;
                }
                '\\' => {
                    self.rest.next();
                    word.text.push(self.rest.next().filter(|c| *c != '\n')?);
                }
                '$' | '`' => self.read_expansion(&mut word)?,
                _ => {
                    self.rest.next();
                    word.text.push(c);
                    word.dynamic |= matches!(c, '*' | '?') || closes(&word.text, c);
                }
            }
        }
        Some(word)
    }

    fn read_quoted(&mut self, word: &mut ShellWord) -> Option<()> {
        loop {
            match self.rest.peek().copied()? {
                '"' => {
                    self.rest.next();
                    return Some(());
                }
                '\\' => {
                    self.rest.next();
                    let c = self.rest.next()?;
                    if !"\\\"$`".contains(c) {
                        word.text.push('\\');
                    }
                    word.text.push(c);
                }
                '$' | '`' => self.read_expansion(word)?,
                c => {
                    self.rest.next();
                    word.text.push(c);
                }
            }
        }
    }

    /// A variable, an arithmetic expression, or a command inside a word.
    fn read_expansion(&mut self, word: &mut ShellWord) -> Option<()> {
        let first = self.rest.next()?;
        word.text.push(first);
        let (open, close) = match (first, self.rest.peek().copied()) {
            ('`', _) => ('`', '`'),
            (_, Some('(')) => ('(', ')'),
            (_, Some('{')) => ('{', '}'),
            (_, Some(c)) if c.is_ascii_alphanumeric() || "_@*#?$!-".contains(c) => {
                word.dynamic = true;
                return Some(());
            }
            _ => return Some(()),
        };
        word.dynamic = true;
        if first == '$' {
            self.rest.next();
        }
        let (mut depth, mut inside) = (1, String::new());
        while depth > 0 {
            let c = self.rest.next()?;
            match c {
                c if c == close => depth -= 1,
                c if c == open => depth += 1,
                '\'' | '"' | '\\' => return None,
                _ => {}
            }
            if depth > 0 {
                inside.push(c);
            }
        }
        word.text.push_str(&inside);
        if open != '{' {
            word.substitutions.push(inside);
        }
        Some(())
    }
}

#[derive(Default)]
struct ShellWord {
    text: String,
    quoted: bool,
    dynamic: bool,
    substitutions: Vec<String>,
}

/// Whether a bracket expression or a brace expression that is not empty ends here.
fn closes(text: &str, last: char) -> bool {
    let open = match last {
        ']' => '[',
        '}' => '{',
        _ => return false,
    };
    text.find(open).is_some_and(|at| at + 2 < text.len())
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("ls -l | grep 'a | b' && echo \"x y\"; date\nid", &["ls|-l", "grep|a | b", "echo|x y", "date", "id"])]
    #[case("A=1 B=2 make all 2>&1 >log &", &["make|all"])]
    #[case("echo a\\ b # no more", &["echo|a b"])]
    #[case("find . -exec rm {} \\;", &["find|.|-exec|rm|{}|;"])]
    fn commands_and_their_words(#[case] text: &str, #[case] expected: &[&str]) {
        let commands = commands(text).unwrap();
        let parsed: Vec<String> = commands.iter().map(|command| command.argv.join("|")).collect();
        assert_eq!(parsed, expected);
        assert!(commands.iter().all(|command| !command.dynamic));
    }

    #[rstest]
    #[case("echo $(date -u) x", &["date -u"])]
    #[case("echo \"now: `date`\"", &["date"])]
    #[case("rm *.txt", &[])]
    #[case("echo ${HOME}/x{a,b}", &[])]
    #[case("echo $HOME", &[])]
    fn runtime_values(#[case] text: &str, #[case] inside: &[&str]) {
        let command = commands(text).unwrap().remove(0);
        assert!(command.dynamic);
        assert_eq!(command.substitutions, inside);
    }

    #[rstest]
    #[case("(ls)")]
    #[case("if true; then ls; fi")]
    #[case("cat << EOF")]
    #[case("echo \"x")]
    #[case("$SHELL -l")]
    #[case("| ls")]
    fn unsupported_syntax_has_no_result(#[case] text: &str) {
        assert_eq!(commands(text), None);
    }
}
