//! What a command's approval says that the command is made of (`command-analysis/explain.ts`).
//!
//! The releases split a shell command into its commands and warn of programs that run others. Here documents and the rarer
//! interpreters are left out: such a command counts as one that cannot be read.

use serde_json::{Value, json};

/// Interpreters that take a program on the command line, and the flag that says so.
const INLINE: [(&str, &[&str]); 5] = [
    ("python", &["-c"]),
    ("node", &["-e", "--eval", "-p", "--print"]),
    ("perl", &["-e", "-E"]),
    ("ruby", &["-e"]),
    ("php", &["-r"]),
];
/// The flags of `xargs` that take the next argument.
const XARGS_VALUES: [&str; 14] = [
    "-a",
    "--arg-file",
    "-d",
    "--delimiter",
    "-E",
    "-I",
    "-L",
    "--max-lines",
    "-n",
    "--max-args",
    "-P",
    "--max-procs",
    "-s",
    "--max-chars",
];
/// The flags by which `find` runs commands.
const FIND_FLAGS: [&str; 4] = ["-exec", "-execdir", "-ok", "-okdir"];

/// The summary of a shell command; null where it cannot be taken apart.
pub(super) fn of_shell(command: &str) -> Value {
    match split(command) {
        Some(commands) => summary(&commands),
        None => Value::Null,
    }
}

/// The summary of one program's arguments.
pub(super) fn of_arguments(argv: &[String]) -> Value {
    let argv: Vec<String> = argv.iter().filter(|argument| !argument.trim().is_empty()).cloned().collect();
    if argv.is_empty() { Value::Null } else { summary(&[argv]) }
}

fn summary(commands: &[Vec<String>]) -> Value {
    let mut kinds: Vec<&str> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    if let Some((program, flag)) = commands.iter().find_map(|argv| inline(argv)) {
        kinds.push("inline-eval");
        lines.push(format!("Contains inline-eval: {program} {flag}"));
    }
    for line in commands.iter().filter_map(|argv| carrier(argv)) {
        if !kinds.contains(&"command-carrier") {
            kinds.push("command-carrier");
        }
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    json!({
        "commandCount": commands.len(),
        "nestedCommandCount": 0,
        "riskKinds": kinds,
        "warningLines": lines
    })
}

fn program(argv: &[String]) -> String {
    let name = argv.first().map_or("", |first| first.rsplit('/').next().unwrap_or(first));
    name.to_lowercase()
}

fn inline(argv: &[String]) -> Option<(String, &str)> {
    let name = program(argv);
    if name == "xargs" {
        return hands_on(argv).then_some((name, "<command>"));
    }
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let (_, flags) = INLINE.iter().find(|(program, _)| *program == stem)?;
    let flag = argv.iter().skip(1).find(|argument| flags.contains(&argument.as_str()))?;
    Some((name, flag))
}

/// Whether `xargs` is given a command.
fn hands_on(argv: &[String]) -> bool {
    let mut arguments = argv.iter().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--" => return arguments.next().is_some(),
            value if XARGS_VALUES.contains(&value) => {
                arguments.next();
            }
            flag if flag.starts_with('-') => {}
            _ => return true,
        }
    }
    false
}

fn carrier(argv: &[String]) -> Option<String> {
    match program(argv).as_str() {
        "find" => {
            let flag = argv.iter().find(|argument| FIND_FLAGS.contains(&argument.as_str()))?;
            Some(format!("Contains command-carrier: {} {flag}", argv[0]))
        }
        "xargs" => Some("Contains command-carrier: xargs".to_owned()),
        _ => None,
    }
}

/// The commands of a pipeline or chain with their arguments. `None` where there is more to it than that.
fn split(text: &str) -> Option<Vec<Vec<String>>> {
    let mut commands = Vec::new();
    let (mut argv, mut word) = (Vec::new(), String::new());
    let mut quote = None;
    let mut characters = text.trim().chars().peekable();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('"'), '`') => return None,
            (Some('"'), '$') if characters.peek() == Some(&'(') => return None,
            (Some('"'), '\\') if characters.peek().is_some_and(|next| "\\\"$`".contains(*next)) => {
                word.extend(characters.next());
            }
            (Some(_), _) => word.push(c),
            (None, '\'' | '"') => quote = Some(c),
            (None, '\\') => word.push(characters.next()?),
            (None, '>' | '<' | '`' | '\n' | '\r' | '(' | ')') => return None,
            (None, '#') if word.is_empty() => break,
            (None, '|' | '&' | ';') => {
                let doubled = c != ';' && characters.next_if_eq(&c).is_some();
                if c == '&' && !doubled {
                    return None;
                }
                end_word(&mut argv, &mut word);
                end_command(&mut commands, &mut argv)?;
            }
            (None, c) if c.is_whitespace() => end_word(&mut argv, &mut word),
            (None, _) => word.push(c),
        }
    }
    end_word(&mut argv, &mut word);
    end_command(&mut commands, &mut argv)?;
    quote.is_none().then_some(commands)
}

fn end_word(argv: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        argv.push(std::mem::take(word));
    }
}

fn end_command(commands: &mut Vec<Vec<String>>, argv: &mut Vec<String>) -> Option<()> {
    (!argv.is_empty()).then(|| commands.push(std::mem::take(argv)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("ls -l", 1, &[])]
    #[case("cat a | grep 'b | c' && echo x; date", 4, &[])]
    #[case("python3 -c 'print(1)'", 1, &["Contains inline-eval: python3 -c"])]
    #[case("ls | xargs -n 1 rm", 2, &["Contains inline-eval: xargs <command>", "Contains command-carrier: xargs"])]
    #[case("find . -exec rm x", 1, &["Contains command-carrier: find -exec"])]
    fn commands_are_counted_and_warned_of(#[case] command: &str, #[case] count: u64, #[case] lines: &[&str]) {
        let summary = of_shell(command);
        assert_eq!((&summary["commandCount"], &summary["warningLines"]), (&json!(count), &json!(lines)));
    }

    #[rstest]
    #[case("echo $(date)")]
    #[case("a > b")]
    #[case("echo \"x")]
    #[case("sleep 1 &")]
    #[case(" ")]
    fn what_is_more_than_commands_has_no_summary(#[case] command: &str) {
        assert_eq!(of_shell(command), Value::Null);
    }
}
