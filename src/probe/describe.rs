//! Writes a gateway description from the results of a probe.

use super::question::SideEffect;
use super::report::ProbeReport;
use crate::gateway::Capability;
use crate::scenario::writer::scalar;
use openclaw_model::{Release, releases};
use std::fmt::Write as _;

/// How the user starts a gateway.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    /// The name of the gateway.
    pub(crate) name: String,
    /// The program and its arguments. `None` for a gateway at a URL, whose command is not known.
    pub(crate) command: Option<(String, Vec<String>)>,
    /// The environment variables of the gateway.
    pub(crate) env: Vec<(String, String)>,
    /// The path for WebSockets.
    pub(crate) path: String,
}

/// The properties of a gateway that a probe found.
pub(crate) struct Described<'a> {
    /// The answers of the gateway.
    pub(crate) report: &'a ProbeReport,
    /// Whether it wrote OpenClaw's store into its state directory.
    pub(crate) has_store: bool,
}

impl Start {
    /// Whether the command or its environment contains a placeholder.
    pub(crate) fn uses(&self, placeholder: &str) -> bool {
        let (command, arguments) = self.command.as_ref().map_or(("", &[][..]), |(one, all)| (one.as_str(), all));
        let values = self.env.iter().map(|(_, value)| value.as_str());
        let texts = arguments.iter().map(String::as_str).chain(values);
        std::iter::once(command).chain(texts).any(|text| text.contains(placeholder))
    }
}

/// The text of a description. Without findings, the description is only for the first start.
pub(crate) fn describe(start: &Start, found: Option<&Described<'_>>) -> String {
    let mut out = String::new();
    let about = format!("{}, described by `clawcheck init`.", start.name);
    let _ = writeln!(out, "gateway: {}\nabout: {}", scalar(&start.name), scalar(&about));
    claims(&mut out, found);
    lacks(&mut out, found);
    match &start.command {
        Some((command, arguments)) => {
            let arguments = arguments.iter().map(|argument| scalar(argument)).collect::<Vec<_>>().join(", ");
            let _ = writeln!(out, "command: {}\nargs: [{arguments}]", scalar(command));
        }
        None => out.push_str(
            "# The command is not known, because the gateway was already running. Replace it, and pass the placeholders that\n\
             # gateways/README.md describes. Then remove `ran: false`.\n\
             ran: false\ncommand: my-gateway\nargs: [\"--port\", \"{port}\", \"--token\", \"{token}\"]\n",
        ),
    }
    if !start.env.is_empty() {
        out.push_str("env:\n");
    }
    for (variable, value) in &start.env {
        let _ = writeln!(out, "  {}: {}", scalar(variable), scalar(value));
    }
    let config = if start.uses("{config}") { "openclaw" } else { "none" };
    let _ = writeln!(out, "config: {config}");
    ready(&mut out, found);
    if start.path != "/" {
        let _ = writeln!(out, "path: {}", scalar(&start.path));
    }
    store(&mut out, start, found);
    out
}

/// What the description claims for the gateway, for the user to check. One sentence each.
pub(crate) fn to_check(report: &ProbeReport) -> Vec<String> {
    let lacking = lacking(report);
    let mut sentences = Vec::new();
    if report.closest().is_empty() {
        let claims = best_claim(report);
        sentences.push(format!(
            "claims {claims}: no known release is close, so set `claims` to the release that the gateway implements"
        ));
    }
    sentences.extend(lacking.iter().map(|(capability, why)| format!("lacks {capability}: {why}")));
    if !lacking.is_empty() {
        sentences
            .push("if the gateway should have one of these features, remove the feature from `lacks`: the cases of a feature in `lacks` are not played".to_owned());
    }
    sentences
}

fn best_claim(report: &ProbeReport) -> Release {
    report.best_claim().unwrap_or(releases::DEFAULT)
}

fn claims(out: &mut String, found: Option<&Described<'_>>) {
    if let Some(found) = found {
        let verdict = found.report.verdict();
        let _ = writeln!(out, "# Closest known release: {verdict}.");
        if found.report.closest().is_empty() {
            out.push_str("# No known release is close. Set the release that the gateway implements.\n");
        }
    }
    let claims = found.map_or(releases::DEFAULT, |found| best_claim(found.report));
    let _ = writeln!(out, "claims: {claims}");
}

fn lacks(out: &mut String, found: Option<&Described<'_>>) {
    let Some(found) = found else { return };
    let lacking = lacking(found.report);
    for (capability, why) in &lacking {
        let _ = writeln!(out, "# {capability}: {why}");
    }
    let not_tested = found.report.not_tested();
    for sentence in &not_tested {
        let _ = writeln!(out, "# {sentence}.");
    }
    let names = lacking.iter().map(|(capability, _)| capability.name()).collect::<Vec<_>>().join(", ");
    // An empty list would claim that the gateway has everything.
    if not_tested.is_empty() || !lacking.is_empty() {
        let _ = writeln!(out, "lacks: [{names}]");
    }
}

/// The features that a gateway does not have, with the evidence. Features that depend on another missing feature are
/// not listed.
fn lacking(report: &ProbeReport) -> Vec<(Capability, &'static str)> {
    let mut lacking = Vec::new();
    if !report.grants("challenge") {
        lacking.push((Capability::Challenge, "it sends no challenge after the upgrade"));
    }
    if report.grants("forged") && report.grants("damaged") {
        lacking.push((Capability::Proofs, "it accepts forged and damaged signatures"));
    }
    let says = |text: &str| report.answers.iter().any(|(_, answer)| answer.text.contains(text));
    let has_tokens = says("with a device token");
    let pairs = has_tokens || says("PAIR");
    let methods = &report.methods;
    let lists = |prefix: &str| methods.is_empty() || methods.iter().any(|method| method.starts_with(prefix));
    if report.grants("new-device") && !pairs {
        lacking.push((Capability::Pairing, "it lets new devices in without approval and issues no device tokens"));
    } else {
        if report.grants("new-device") && !has_tokens {
            lacking.push((Capability::Tokens, "it issues no device tokens"));
        }
        if !lists("device.pair.") {
            lacking.push((Capability::Approvals, "its hello-ok lists no method `device.pair.*`"));
        }
    }
    if !lists("node.") {
        lacking.push((Capability::Nodes, "its hello-ok lists no method `node.*`"));
    }
    if !lists("exec.approval.") {
        lacking.push((Capability::ExecApprovals, "its hello-ok lists no method `exec.approval.*`"));
    }
    lacking
}

fn ready(out: &mut String, found: Option<&Described<'_>>) {
    let challenge = found.is_some_and(|found| found.report.grants("challenge"));
    let _ = writeln!(out, "ready: {}", if challenge { "challenge" } else { "websocket" });
}

fn store(out: &mut String, start: &Start, found: Option<&Described<'_>>) {
    let Some(found) = found else {
        let _ = writeln!(out, "store: {}", if start.uses("{state-dir}") { "openclaw" } else { "none" });
        return;
    };
    if found.has_store {
        out.push_str("# It wrote OpenClaw's store into {state-dir}.\nstore: openclaw\n");
        return;
    }
    if start.command.is_none() {
        out.push_str("# Not tested: whether {state-dir} contains OpenClaw's store. If it does, remove this line.\n");
    }
    let paired = found.report.answers.iter().any(|(question, _)| question.leaves == SideEffect::Record);
    if paired && start.uses("{state-dir}") {
        out.push_str("# After new devices had connected, {state-dir} did not contain OpenClaw's store.\n");
    }
    out.push_str("store: none\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::check_description;
    use rstest::rstest;

    fn start(arguments: &[&str]) -> Start {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let command = Some(("my-gateway".to_owned(), arguments));
        Start { name: "my gateway".to_owned(), command, env: Vec::new(), path: "/ws".to_owned() }
    }

    #[rstest]
    #[case(&["--port", "{port}"])]
    #[case(&["Null", "NULL", "True", "~", "NaN", "Infinity", "Yes", "0x1f", ".inf"])]
    #[case(&["true", "", "a: b", "#", "'\"\\", "\n\u{1b}\u{202e}é😀", "- x", "{port}"])]
    fn reads_any_command(#[case] arguments: &[&str]) {
        let start = Start { env: vec![("A B".to_owned(), "{state-dir}/x: y".to_owned())], ..start(arguments) };
        let text = describe(&start, None);
        assert_eq!(check_description("x.yaml", &text).map_err(|error| format!("{error:?}")), Ok(()), "{text}");
        #[derive(serde::Deserialize)]
        struct Read {
            args: Vec<String>,
            env: std::collections::BTreeMap<String, String>,
        }
        let read: Read = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(
            (read.args.as_slice(), &read.env["A B"]),
            (&arguments.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()[..], &start.env[0].1)
        );
    }

    #[test]
    fn configuration_and_store_of_command() {
        let text = describe(&start(&["--port", "{port}"]), None);
        assert!(
            text.contains("config: none\n") && text.contains("store: none\n") && text.contains("path: \"/ws\"\n"),
            "{text}"
        );
        let text = describe(&start(&["{port}", "--config={config}", "--state={state-dir}"]), None);
        assert!(text.contains("config: openclaw\n") && text.contains("store: openclaw\n"), "{text}");
    }

    #[test]
    fn url_gets_placeholder_command() {
        let text = describe(&Start { command: None, ..start(&[]) }, None);
        check_description("x.yaml", &text).unwrap();
        assert!(text.contains("ran: false\n") && text.contains("Replace it"), "{text}");
    }
}
