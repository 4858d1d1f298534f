//! A portrait as text, Markdown or JSON.

use super::answer::Answer;
use super::question::{Question, Topic};
use super::reference::ReleaseAnswers;
use super::report::ProbeReport;
use super::settings::{ProofSecret, Secret};
use crate::counted::counted;
use crate::markdown;
use crate::output_format::OutputFormat;
use crate::release_ranges;
use openclaw_model::{Release, releases};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use untrusted_data::{cut, printable};

/// The version of the JSON output.
const SCHEMA: u32 = 1;
/// The maximum length of a line, in characters.
const WIDTH: usize = 150;
/// The maximum number of answers that are compared with those of a release.
const MAX_COMPARED_ANSWERS: usize = 12;
/// The maximum length of an answer in a sentence, in characters.
const MAX_ANSWER_IN_SENTENCE: usize = 80;
/// The length of `, ` and ` and 99 more: `, which end a list of questions.
const AND_MORE: usize = 17;
/// The name of the version that a gateway reports.
const REPORTED_VERSION: &str = "says it is";
/// The name of the line about answers that were not compared.
const NOT_COMPARED: &str = "not compared";
/// The width of the names of sections.
const NAMES: usize = 12;

impl ProbeReport {
    /// Formats the portrait of a gateway that claims to be a release, if it claims one.
    pub(crate) fn write(&self, gateway: &str, claims: Option<Release>, format: OutputFormat) -> String {
        let claims = claims.and_then(releases::described);
        match format {
            OutputFormat::Plain => self.text(gateway, claims),
            OutputFormat::Markdown => self.markdown(gateway, claims),
            OutputFormat::Json => format!("{}\n", printable::json(&format!("{:#}", self.json(gateway, claims)))),
        }
    }

    /// The closest release in a sentence: `2026.3.31: 51 of 51 answers`.
    pub(crate) fn verdict(&self) -> String {
        let best = self.best();
        let Some(first) = best.first() else { return "not compared".to_owned() };
        let named = release_ranges::text(&best.iter().map(|reference| reference.release).collect::<Vec<_>>());
        let similarity = first.similarity;
        let answers = counted(similarity.of, "answer");
        match similarity.is_close() {
            true => format!("{named}: {} of {answers}{}", similarity.equal, self.next(first)),
            false => format!("none: at most {} of {answers}, as {named}", similarity.equal),
        }
    }

    /// The best of the other releases.
    fn next(&self, best: &ReleaseAnswers) -> String {
        let others = self.references.iter().filter(|other| other.similarity.equal < best.similarity.equal);
        let Some(most) = others.clone().map(|other| other.similarity.equal).max() else { return String::new() };
        let next = others.filter(|other| other.similarity.equal == most).map(|other| other.release);
        format!("; {}: {most}", release_ranges::text(&next.collect::<Vec<_>>()))
    }

    /// The lines about the release, as names and values.
    fn heading(&self, claims: Option<Release>) -> Vec<(&'static str, String)> {
        let mut lines = vec![("closest to", self.verdict())];
        if let Some(reference) = claims.and_then(|claims| self.reference(claims)) {
            let similarity = reference.similarity;
            let answers = counted(similarity.of, "answer");
            lines.push(("claims", format!("{}: {} of {answers}", reference.release, similarity.equal)));
        }
        lines
    }

    /// The release that the answers are compared with one by one: the closest, or the claimed one if none is close.
    fn compared(&self, claims: Option<Release>) -> Option<&ReleaseAnswers> {
        let best = self.best().last().copied();
        let close = best.filter(|reference| reference.similarity.is_close());
        close.or_else(|| claims.and_then(|claims| self.reference(claims))).or(best)
    }

    /// The answers that differ from those of a release.
    fn unlike<'a>(&'a self, other: &'a ReleaseAnswers) -> impl Iterator<Item = (&'a Question, &'a Answer, &'a Answer)> {
        let comparable = self.answers.iter().filter(|(question, _)| self.is_comparable(question));
        comparable.filter_map(|(question, answer)| {
            let theirs = other.answer(question.id)?;
            (!answer.equals(theirs)).then_some((*question, answer, theirs))
        })
    }

    fn text(&self, gateway: &str, claims: Option<Release>) -> String {
        let mut out = format!("{}\n", line(gateway));
        for (name, value) in self.heading(claims) {
            section(&mut out, name, [value]);
        }
        if let Some(version) = &self.version {
            section(&mut out, REPORTED_VERSION, [format!("{} (server.version)", printable::line(version))]);
        }
        out.push('\n');
        for topic in Topic::ALL {
            let groups = self.groups(topic).into_iter();
            section(&mut out, topic.name(), groups.map(|(questions, answer)| folded(&questions, &answer)));
        }
        if let Some(other) = self.compared(claims) {
            let unlike = self.unlike(other).collect::<Vec<_>>();
            let lines = unlike.iter().take(MAX_COMPARED_ANSWERS).map(|(question, answer, theirs)| {
                format!("{}: {}; expected: {}", question.what, answer.shown(), theirs.shown())
            });
            let more = unlike.len().saturating_sub(MAX_COMPARED_ANSWERS);
            let more = (more > 0).then(|| format!("… {more} more (--format json)"));
            if !unlike.is_empty() {
                let _ = writeln!(out, "\ndifferences from {}", other.release);
            }
            section(&mut out, "", lines.chain(more));
        }
        let not_asked = self.not_asked_by_reason().into_iter();
        let not_asked =
            not_asked.map(|(why, questions)| format!("{why}: {}", questions.join(", "))).collect::<Vec<_>>();
        if !not_asked.is_empty() {
            out.push('\n');
        }
        section(&mut out, "not asked", not_asked);
        let not_compared = self.why_proofs_show_nothing();
        if let Some((why, advice)) = not_compared.split_first() {
            out.push('\n');
            let lines = std::iter::once(format!("{}: {why}", Topic::Proof.name())).chain(advice.iter().cloned());
            section(&mut out, NOT_COMPARED, lines);
        }
        out
    }

    /// The answers to the questions of a topic. Questions with the same answer are together.
    fn groups(&self, topic: Topic) -> Vec<(Vec<&'static str>, String)> {
        let mut groups: Vec<(Vec<&'static str>, String)> = Vec::new();
        for (question, answer) in self.answers.iter().filter(|(question, _)| question.topic == topic) {
            let shown = answer.shown();
            match groups.iter_mut().find(|(_, other)| *other == shown) {
                Some((questions, _)) => questions.push(question.what),
                None => groups.push((vec![question.what], shown)),
            }
        }
        groups
    }

    /// What was not tested, one sentence for each reason.
    pub(crate) fn not_tested(&self) -> Vec<String> {
        let sentence = |why: &str| {
            let questions = self.not_asked.iter().filter(|not_asked| not_asked.why == why);
            let topics = questions.clone().map(|not_asked| not_asked.question.topic.name()).collect::<BTreeSet<_>>();
            let topics = topics.into_iter().collect::<Vec<_>>().join(", ");
            format!("not tested: {} about {topics}: {why}", counted(questions.count(), "question"))
        };
        let not_asked = self.not_asked_by_reason().into_iter().map(|(why, _)| sentence(why));
        let proofs = self.why_proofs_show_nothing().join("; ");
        let proofs = (!proofs.is_empty()).then(|| format!("not tested: {}: {proofs}", Topic::Proof.name()));
        not_asked.chain(proofs).collect()
    }

    /// Why the answers about proofs show nothing, and what to do: the gateway gives the same answer to valid and invalid ones.
    /// Empty if they show something.
    fn why_proofs_show_nothing(&self) -> Vec<String> {
        let Some(answer) = self.answer_to_all_proofs() else { return Vec::new() };
        let answer = cut::line(&answer.text, MAX_ANSWER_IN_SENTENCE);
        let (with, advice) = match self.proof_secret {
            ProofSecret::Sent => ("with the secret", None),
            ProofSecret::Withheld(variable) => {
                ("without the secret", Some(format!("--allow-writes sends {variable} with the proofs")))
            }
            ProofSecret::Unknown => {
                ("without the secret", Some(format!("set {} and use --allow-writes", Secret::Unknown.variable())))
            }
        };
        let why = format!("{with}, the gateway refuses valid and invalid proofs alike: {answer}");
        std::iter::once(why).chain(advice).collect()
    }

    fn not_asked_by_reason(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        let mut reasons: Vec<(&'static str, Vec<&'static str>)> = Vec::new();
        for not_asked in &self.not_asked {
            match reasons.iter_mut().find(|(why, _)| *why == not_asked.why) {
                Some((_, questions)) => questions.push(not_asked.question.what),
                None => reasons.push((not_asked.why, vec![not_asked.question.what])),
            }
        }
        reasons
    }

    fn markdown(&self, gateway: &str, claims: Option<Release>) -> String {
        let cell = |text: &str| markdown::cell(&line(text));
        let mut out = format!("**{}**\n\n", cell(gateway));
        for (name, value) in self.heading(claims) {
            let _ = writeln!(out, "- {name} {}", line(&value));
        }
        if let Some(version) = &self.version {
            let _ = writeln!(out, "- {REPORTED_VERSION} {} (server.version)", cell(version));
        }
        let other = self.compared(claims);
        let named = other.map(|other| other.release.to_string()).unwrap_or_default();
        let _ = write!(out, "\n| | question | answer | {named}, if different |\n|---|---|---|---|\n");
        for topic in Topic::ALL {
            for (question, answer) in self.answers.iter().filter(|(question, _)| question.topic == topic) {
                let theirs = other
                    .and_then(|other| other.answer(question.id))
                    .filter(|theirs| self.is_comparable(question) && !answer.equals(theirs));
                let theirs = theirs.map(Answer::shown).unwrap_or_default();
                let (shown, theirs) = (cell(&answer.shown()), cell(&theirs));
                let _ = writeln!(out, "| {} | {} | {shown} | {theirs} |", topic.name(), question.what);
            }
        }
        let not_compared = self.why_proofs_show_nothing().join("; ");
        if !not_compared.is_empty() {
            let _ = write!(out, "\nNot compared: {}: {}\n", Topic::Proof.name(), cell(&not_compared));
        }
        for (why, questions) in self.not_asked_by_reason() {
            let _ = write!(out, "\nNot asked: {} ({why})\n", questions.join(", "));
        }
        out
    }

    fn json(&self, gateway: &str, claims: Option<Release>) -> Value {
        let best = self.best();
        let similarity = best.first().map(|reference| reference.similarity).unwrap_or_default();
        let answers = self.answers.iter().map(|(question, answer)| {
            let equal = self
                .references
                .iter()
                .filter(|other| other.answer(question.id).is_some_and(|theirs| answer.equals(theirs)));
            json!({
                "id": question.id,
                "topic": question.topic.name(),
                "question": question.what,
                "answer": answer.text,
                "after_ms": answer.after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
                "as": equal.map(|other| other.release.to_string()).collect::<Vec<_>>(),
            })
        });
        let not_compared = self.why_proofs_show_nothing().into_iter().next();
        json!({
            "schema": SCHEMA,
            "gateway": gateway,
            "claims": claims.map(|claims| claims.to_string()),
            "server_version": self.version,
            "closest": self.closest().iter().map(Release::to_string).collect::<Vec<_>>(),
            "equal": similarity.equal,
            "compared": similarity.of,
            "releases": self.references.iter().map(|reference| {
                (reference.release.to_string(), Value::from(reference.similarity.equal))
            }).collect::<serde_json::Map<_, _>>(),
            "answers": answers.collect::<Vec<_>>(),
            "not_compared": not_compared.map(|why| json!({ "topic": Topic::Proof.name(), "why": why })),
            "not_asked": self.not_asked.iter().map(|not_asked| {
                json!({ "id": not_asked.question.id, "question": not_asked.question.what, "why": not_asked.why })
            }).collect::<Vec<_>>(),
        })
    }
}

/// Questions with the same answer on one line. The line contains the whole answer, but only the first questions if
/// there are many.
fn folded(questions: &[&str], answer: &str) -> String {
    let room = WIDTH.saturating_sub(NAMES + 2 + answer.chars().count() + AND_MORE);
    let mut named = String::new();
    for (number, question) in questions.iter().enumerate() {
        if number > 0 && named.len() + question.len() > room {
            let _ = write!(named, " and {} more", questions.len() - number);
            break;
        }
        named.push_str(if number > 0 { ", " } else { "" });
        named.push_str(question);
    }
    format!("{named}: {answer}")
}

/// Lines with a name before the first of them.
fn section(out: &mut String, name: &str, lines: impl IntoIterator<Item = String>) {
    for (number, text) in lines.into_iter().enumerate() {
        let name = if number == 0 { name } else { "" };
        let _ = writeln!(out, "{}", line(&format!("{name:<NAMES$}  {text}")));
    }
}

/// A line for a terminal.
fn line(text: &str) -> String {
    cut::line(&printable::line(text), WIDTH).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::answer::Decision;
    use super::super::questions;
    use super::*;
    use rstest::rstest;

    #[test]
    fn markdown_shows_gateway_text_as_code() {
        let (question, text) = (questions::all().next().unwrap(), "<img src=x> | @everyone");
        let answer = Answer { text: text.to_owned(), decision: Decision::Refused, after: None };
        let version = Some("<!-- [a](javascript:b)".to_owned());
        let report = ProbeReport { answers: vec![(question, answer)], version, ..ProbeReport::default() };
        let markdown = report.write("ws://a/<b>", None, OutputFormat::Markdown);
        assert!(markdown.starts_with("**`ws://a/<b>`**\n"), "{markdown}");
        assert!(markdown.contains("\n- says it is `<!-- [a](javascript:b)` (server.version)\n"), "{markdown}");
        assert!(markdown.contains(" | `<img src=x> \\| @everyone` |  |\n"), "{markdown}");
    }

    const ALL_REFUSED: [&str; 4] = ["E, close 1008"; 4];

    /// A gateway with these refusals of a v3 proof, a v2 proof, a forged and a damaged one.
    fn refuses_proofs(refusals: [&str; 4], proof_secret: ProofSecret) -> ProbeReport {
        let proofs = ["proof-v3", "proof-v2", "forged", "damaged"].into_iter().zip(refusals);
        let answers = proofs.map(|(id, text)| {
            let question = questions::all().find(|question| question.id == id).unwrap();
            (question, Answer { text: text.to_owned(), decision: Decision::Refused, after: None })
        });
        ProbeReport { answers: answers.collect(), proof_secret, ..ProbeReport::default() }
    }

    /// A gateway that clawcheck starts gets the secret with each proof.
    #[rstest]
    #[case::sent(ProofSecret::Sent, "with the secret, ", None)]
    #[case::withheld(
        ProofSecret::Withheld("CLAWCHECK_PASSWORD"),
        "without the secret, ",
        Some("--allow-writes sends CLAWCHECK_PASSWORD with the proofs")
    )]
    #[case::unknown(ProofSecret::Unknown, "without the secret, ", Some("set CLAWCHECK_TOKEN and use --allow-writes"))]
    fn same_answer_to_all_proofs(#[case] sent: ProofSecret, #[case] with: &str, #[case] advice: Option<&str>) {
        let report = refuses_proofs(ALL_REFUSED, sent);
        let why = format!("{with}the gateway refuses valid and invalid proofs alike: E, close 1008");
        let sentence = [Some(why.as_str()), advice].into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(report.not_tested(), [format!("not tested: device proof: {}", sentence.join("; "))]);
        let text = report.write("x", None, OutputFormat::Plain);
        let indented = advice.map(|advice| format!("              {advice}\n")).unwrap_or_default();
        assert!(text.ends_with(&format!("\nnot compared  device proof: {why}\n{indented}")), "{text}");
        let json: Value = serde_json::from_str(&report.write("x", None, OutputFormat::Json)).unwrap();
        assert_eq!(json["not_compared"], json!({ "topic": "device proof", "why": why }));
    }

    /// A release that knows only one version of the proof refuses the other one like a forged one.
    #[rstest]
    #[case::only_v2(["E", "F", "E", "E"])]
    #[case::only_v3(["F", "E", "E", "E"])]
    #[case::forged(["E", "E", "F", "E"])]
    fn other_answer_to_one_proof(#[case] refusals: [&str; 4]) {
        assert!(refuses_proofs(refusals, ProofSecret::Sent).not_tested().is_empty());
    }

    #[test]
    fn groups_questions_with_equal_answers() {
        let questions = vec!["a question of some length"; 20];
        let text = folded(&questions, "INVALID_REQUEST, close 1008");
        assert!(text.ends_with(" and 17 more: INVALID_REQUEST, close 1008"), "{text}");
        assert!(text.chars().count() + NAMES + 2 <= WIDTH, "{text}");
        assert_eq!(folded(&["one", "two"], "let in"), "one, two: let in");
    }
}
