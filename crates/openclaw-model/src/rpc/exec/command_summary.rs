//! The analysis of a command for its approval (`command-analysis/explain.ts`).
//!
//! The releases split a shell command into its commands and warn about programs that run other programs. Here
//! documents and the rarer interpreters are not supported here: such a command counts as one that cannot be parsed.

use crate::facts::rpc::exec::ExecRules;
use crate::rpc::exec::shell_words::{self, Command};
use serde_json::{Value, json};

/// Interpreters that accept a program on the command line, and the flag for it.
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
/// The flags of `find` that run commands.
const FIND_FLAGS: [&str; 4] = ["-exec", "-execdir", "-ok", "-okdir"];

/// The summary of a shell command. `null` if it cannot be parsed.
pub(in crate::rpc) fn of_shell(rules: &ExecRules, command: &str) -> Value {
    if !rules.nested_commands_explained {
        return split(command).map_or(Value::Null, |commands| summary(rules, &commands));
    }
    let mut summary = CommandSummary::default();
    if summary.explain(rules, command, 0).is_none() {
        return Value::Null;
    }
    summary.into_json()
}

/// The maximum depth of nested commands. A client can send more nested commands than the stack allows.
const MAX_DEPTH: usize = 16;

/// The commands in order, and those inside them.
#[derive(Default)]
struct CommandSummary {
    commands: usize,
    nested: usize,
    risks: Vec<(&'static str, String)>,
}

impl CommandSummary {
    /// `None` if the command cannot be parsed. `depth` is the number of commands around this one.
    fn explain(&mut self, rules: &ExecRules, text: &str, depth: usize) -> Option<()> {
        let commands = shell_words::commands(text).filter(|_| depth <= MAX_DEPTH)?;
        match depth {
            0 => self.commands += commands.len(),
            _ => self.nested += commands.len(),
        }
        for command in &commands {
            self.look_at(rules, command, depth)?;
        }
        Some(())
    }

    fn look_at(&mut self, rules: &ExecRules, command: &Command, depth: usize) -> Option<()> {
        let argv = command.argv.as_slice();
        let name = program(argv);
        if command.dynamic {
            self.add("dynamic-argument", format!(": {name} dynamic argument"));
        }
        let find = argv.iter().find(|argument| FIND_FLAGS.contains(&argument.as_str())).filter(|_| name == "find");
        if let Some((program, flag)) = inline(argv) {
            self.add("inline-eval", format!(": {program} {flag}"));
        } else if let Some(flag) = find {
            self.add("inline-eval", format!(": find {flag}"));
        }
        let payload = payload(argv);
        if let Some((flag, _)) = payload {
            self.add("shell-wrapper", format!(": {} {flag}", argv[0]));
        }
        match carrier(argv) {
            Some(line) => self.add("command-carrier", line.trim_start_matches("Contains command-carrier").to_owned()),
            None if rules.carriers_known && BLOCKED.contains(&name.as_str()) => {
                self.add("command-carrier", format!(": {name}"));
            }
            None => {}
        }
        match name.as_str() {
            "eval" => self.add("eval", String::new()),
            "." | "source" => self.add("source", format!(": {name}")),
            "alias" => self.add("alias", String::new()),
            _ => {}
        }
        if let Some((_, command)) = payload.filter(|_| !command.dynamic) {
            self.explain(rules, command, depth + 1)?;
        }
        for inside in &command.substitutions {
            self.add("command-substitution", String::new());
            self.explain(rules, inside, depth + 1)?;
        }
        if command.redirects {
            self.add("redirect", String::new());
        }
        Some(())
    }

    fn add(&mut self, kind: &'static str, label: String) {
        self.risks.push((kind, format!("Contains {kind}{label}")));
    }

    fn into_json(self) -> Value {
        let (mut kinds, mut lines): (Vec<&str>, Vec<String>) = (Vec::new(), Vec::new());
        for (kind, line) in self.risks {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        json!({
            "commandCount": self.commands,
            "nestedCommandCount": self.nested,
            "riskKinds": kinds,
            "warningLines": lines
        })
    }
}

/// Programs that run others with different rights. Some releases count them as carriers.
const BLOCKED: [&str; 2] = ["sudo", "doas"];
/// Shells that accept a command as an argument.
const SHELLS: [&str; 6] = ["bash", "sh", "zsh", "dash", "ksh", "ash"];

/// The command that a shell runs, and the flag before it.
fn payload(argv: &[String]) -> Option<(&str, &str)> {
    if !SHELLS.contains(&program(argv).as_str()) {
        return None;
    }
    let at = argv.iter().position(|argument| {
        argument.strip_prefix('-').is_some_and(|flags| !flags.starts_with('-') && flags.contains('c'))
    })?;
    Some((argv[at].as_str(), argv.get(at + 1)?.as_str()))
}

/// The summary of one program's arguments.
pub(in crate::rpc) fn of_arguments(rules: &ExecRules, argv: &[String]) -> Value {
    let argv: Vec<String> = argv.iter().filter(|argument| !argument.trim().is_empty()).cloned().collect();
    if argv.is_empty() { Value::Null } else { summary(rules, &[argv]) }
}

fn summary(rules: &ExecRules, commands: &[Vec<String>]) -> Value {
    let mut kinds: Vec<&str> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    if let Some((program, flag)) = commands.iter().find_map(|argv| inline(argv)) {
        kinds.push("inline-eval");
        lines.push(format!("Contains inline-eval: {program} {flag}"));
    }
    let blocked = |argv: &[String]| {
        let name = Some(program(argv)).filter(|name| BLOCKED.contains(&name.as_str()))?;
        (rules.carriers_known).then(|| format!("Contains command-carrier: {name}"))
    };
    for line in commands.iter().filter_map(|argv| carrier(argv).or_else(|| blocked(argv))) {
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
        return has_command(argv).then_some((name, "<command>"));
    }
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let (_, flags) = INLINE.iter().find(|(program, _)| *program == stem)?;
    let flag = argv.iter().skip(1).find(|argument| flags.contains(&argument.as_str()))?;
    Some((name, flag))
}

/// Whether `xargs` has a command.
fn has_command(argv: &[String]) -> bool {
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

/// The commands of a pipeline or chain with their arguments. `None` if the text contains anything else.
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
    use crate::Facts;
    use rstest::rstest;

    fn rules(release: &str) -> ExecRules {
        Facts::of(release.parse().unwrap()).unwrap().rpc.exec
    }

    #[rstest]
    #[case("ls -l", 1, &[])]
    #[case("cat a | grep 'b | c' && echo x; date", 4, &[])]
    #[case("python3 -c 'print(1)'", 1, &["Contains inline-eval: python3 -c"])]
    #[case("ls | xargs -n 1 rm", 2, &["Contains inline-eval: xargs <command>", "Contains command-carrier: xargs"])]
    #[case("find . -exec rm x", 1, &["Contains command-carrier: find -exec"])]
    fn counts_commands_and_warns(#[case] command: &str, #[case] count: u64, #[case] lines: &[&str]) {
        let summary = of_shell(&rules("2026.5.7"), command);
        assert_eq!((&summary["commandCount"], &summary["warningLines"]), (&json!(count), &json!(lines)));
    }

    #[rstest]
    #[case("echo $(date)")]
    #[case("a > b")]
    #[case("echo \"x")]
    #[case("sleep 1 &")]
    #[case(" ")]
    fn no_summary_beyond_plain_commands(#[case] command: &str) {
        assert_eq!(of_shell(&rules("2026.5.7"), command), Value::Null);
    }

    #[test]
    fn nesting_limit() {
        assert_eq!(
            of_shell(&rules("2026.9.6"), &format!("{}b{}", "a $(".repeat(10), ")".repeat(10)))["nestedCommandCount"],
            10
        );
        let deep = format!("{}b{}", "a $(".repeat(20_000), ")".repeat(20_000));
        assert_eq!(of_shell(&rules("2026.9.6"), &deep), Value::Null);
    }

    /// The output of 2026.9.6 and 2026.6.11.
    #[rstest]
    #[case("bash -c \"ls\"", 1, 1, &["Contains shell-wrapper: bash -c"])]
    #[case("eval ls", 1, 0, &["Contains eval"])]
    #[case("echo $(ls)", 1, 1, &["Contains dynamic-argument: echo dynamic argument", "Contains command-substitution"])]
    #[case("cat a.txt\n b", 2, 0, &[])]
    #[case("sudo ls | xargs x", 2, 0, &[
        "Contains command-carrier: sudo", "Contains inline-eval: xargs <command>", "Contains command-carrier: xargs"
    ])]
    #[case("find . -exec rm {} \\;", 1, 0, &["Contains inline-eval: find -exec", "Contains command-carrier: find -exec"])]
    fn labels_in_order(#[case] command: &str, #[case] count: u64, #[case] nested: u64, #[case] lines: &[&str]) {
        let summary = of_shell(&rules("2026.9.6"), command);
        assert_eq!(
            (&summary["commandCount"], &summary["nestedCommandCount"], &summary["warningLines"]),
            (&json!(count), &json!(nested), &json!(lines))
        );
    }
}
