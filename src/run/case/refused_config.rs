//! Finds out from the log of a gateway that did not start whether it refused its configuration.

/// The beginnings of the log lines in which OpenClaw and related gateways refuse a configuration.
const REFUSAL_BEGINNINGS: [&str; 4] = ["Config invalid", "Invalid config", "Gateway start blocked", "Refusing to "];
const UNRECOGNIZED: &str = ": Unrecognized key";

/// The refused settings as the end of a sentence: the paths of the settings, or the log line if the paths are not
/// known. `None` if the log does not name the configuration as the reason.
pub(crate) fn by_log(log: &str) -> Option<String> {
    // Some releases print the two characters `\n` between the errors.
    let lines = log.lines().flat_map(|line| line.split("\\n")).map(str::trim).collect::<Vec<_>>();
    let refusal = lines.iter().position(|line| REFUSAL_BEGINNINGS.iter().any(|beginning| line.contains(beginning)));
    let mut settings: Vec<String> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let after = refusal.is_some_and(|refusal| at > refusal);
        for setting in unrecognized(line).or_else(|| invalid(line).filter(|_| after)).unwrap_or_default() {
            if !settings.contains(&setting) {
                settings.push(setting);
            }
        }
    }
    match (settings.is_empty(), refusal) {
        (false, _) => Some(settings.join(", ")),
        (true, Some(at)) => Some(format!("its configuration: {}", lines[at])),
        (true, None) => None,
    }
}

/// The settings that a release does not recognize: `gateway.controlUi: Unrecognized key: "allowedOrigins"`.
fn unrecognized(line: &str) -> Option<Vec<String>> {
    let (before, after) = line.split_once(UNRECOGNIZED)?;
    let parent = before.rsplit(char::is_whitespace).next().filter(|parent| is_path(parent))?;
    let quote = after.find(['"', '\'']).and_then(|at| after[at..].chars().next())?;
    let names = after.split(quote).skip(1).step_by(2);
    Some(names.map(|name| if parent == "<root>" { name.to_owned() } else { format!("{parent}.{name}") }).collect())
}

/// The setting whose value a release does not accept: `- gateway.bind: Invalid input`.
fn invalid(line: &str) -> Option<Vec<String>> {
    let (path, _) = line.strip_prefix("- ").unwrap_or(line).split_once(": ")?;
    (is_path(path) && path.contains('.')).then(|| vec![path.to_owned()])
}

fn is_path(text: &str) -> bool {
    let of_a_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text == "<root>" || (!text.is_empty() && text.chars().all(of_a_path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::one(r#"- gateway.controlUi: Unrecognized key: "allowedOrigins""#, "gateway.controlUi.allowedOrigins")]
    #[case::old_form("gateway: Unrecognized key(s) in object: 'a', 'b'", "gateway.a, gateway.b")]
    #[case::at_the_root(r#"<root>: Unrecognized keys: "nodes", "x""#, "nodes, x")]
    #[case::with_a_time(r#"2026-01-31T10:00:00Z [gateway] - gateway.auth: Unrecognized key: "x""#, "gateway.auth.x")]
    #[case::in_one_line(
        r#"Invalid config at /c/openclaw.json:\n- gateway.controlUi: Unrecognized key: "x"\n- gateway.bind: Invalid input"#,
        "gateway.controlUi.x, gateway.bind"
    )]
    #[case::said_twice(
        "gateway.a: Unrecognized key: \"b\"\nRun doctor\ngateway.a: Unrecognized key: \"b\"\n",
        "gateway.a.b"
    )]
    #[case::a_value("Config invalid\nProblem:\n  - gateway.mode: Invalid input (allowed: \"local\")", "gateway.mode")]
    #[case::without_a_path(
        "Invalid config: both are configured\nHelp: openclaw --help",
        "its configuration: Invalid config: both are configured"
    )]
    #[case::of_a_bind(
        "Refusing to bind gateway to lan without auth.",
        "its configuration: Refusing to bind gateway to lan without auth."
    )]
    fn finds_refused_setting(#[case] log: &str, #[case] refused: &str) {
        assert_eq!(by_log(log).as_deref(), Some(refused));
    }

    #[rstest]
    #[case("")]
    #[case("Error: Cannot find module 'x'\n    at node.js:1: y")]
    #[case("gateway.auth: loading")]
    #[case("Unrecognized key")]
    fn other_logs_have_no_refused_setting(#[case] log: &str) {
        assert_eq!(by_log(log), None);
    }
}
