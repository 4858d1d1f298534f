//! An explanation as text, Markdown or JSON.

use super::remedies::{self, ReleaseAnswer, Remedy, RemedyResults};
use super::simulated_gateway::{Answer, SimulatedGateway, Verdict};
use super::text::{full, releases, short, short_id, summary, token_words};
use super::{ClientDevice, LoggedRefusal, RefusedVariant, StateDirectory, trace};
use crate::markdown;
use crate::output_format::OutputFormat;
use openclaw_emulator::stored_state::StoredFile;
use openclaw_model::{Release, pairing};
use openclaw_protocol::store::{Document, StoreFormat};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The maximum number of notes, of failed remedies, and of tokens of a record that are printed.
const MAX: usize = 8;

/// A simulated connect and its answer.
pub(crate) struct Explanation<'a> {
    /// The state directory.
    pub state: &'a StateDirectory,
    /// The gateway and the client.
    pub simulated: &'a SimulatedGateway,
    /// The computed answer to the connect.
    pub answer: &'a Answer,
    /// The remedies. `None` if the client is admitted, or if no remedy was tried.
    pub results: Option<&'a RemedyResults>,
    /// Additional notes.
    pub notes: Vec<String>,
    /// The log, if the client is taken from one.
    pub logged: Option<&'a LoggedRefusal>,
    /// Whether the user specified the release.
    pub is_release_given: bool,
    /// The variants of an admitted client that the gateway refuses.
    pub variants: Vec<RefusedVariant>,
}

impl Explanation<'_> {
    /// Formats the explanation, without secrets.
    pub(crate) fn write(&self, format: OutputFormat) -> String {
        let text = match format {
            OutputFormat::Plain => self.text(),
            OutputFormat::Markdown => self.markdown(),
            OutputFormat::Json => format!("{:#}\n", self.json()),
        };
        self.fit(&text, format)
    }

    /// Formats the answers of several releases, one line for each. A mark shows that the previous answer was different.
    pub(crate) fn releases(&self, answers: &[ReleaseAnswer], format: OutputFormat) -> String {
        let mut before: Option<String> = None;
        let rows = answers.iter().map(|answer| {
            let summary = summary(&answer.answer);
            let flips = before.as_ref().is_some_and(|before| *before != summary);
            before = Some(summary.clone());
            (answer, summary, flips)
        });
        let rows = rows.collect::<Vec<_>>();
        let with_device = |answer: &ReleaseAnswer, summary: &str| match answer.omits_device {
            true => format!("{summary}; the client sends no device"),
            false => summary.to_owned(),
        };
        let agreeing = self.logged.map(|logged| as_logged(logged, answers));
        let text = match format {
            OutputFormat::Json => {
                let row = |(answer, summary, flips): &(&ReleaseAnswer, String, bool)| {
                    let (release, omits) = (answer.release, answer.omits_device);
                    let mut row = json!({
                        "release": release.to_string(), "answer": summary, "flips": flips, "omits_device": omits,
                    });
                    if let Some(agreeing) = &agreeing {
                        row["as_logged"] = agreeing.contains(&release).into();
                    }
                    row
                };
                format!("{:#}\n", json!({ "schema": 1, "releases": rows.iter().map(row).collect::<Vec<_>>() }))
            }
            OutputFormat::Markdown => {
                rows.iter().fold("| release | answer |\n|---|---|\n".to_owned(), |mut out, (answer, summary, flips)| {
                    let summary = markdown::cell(&with_device(answer, summary));
                    let summary = if *flips { format!("**{summary}**") } else { summary };
                    let _ = writeln!(out, "| {} | {summary} |", answer.release);
                    out
                })
            }
            OutputFormat::Plain => {
                rows.iter().fold(self.head(), |mut out, (answer, summary, flips)| {
                    let (mark, release) = (if *flips { "*" } else { " " }, answer.release.to_string());
                    let _ = writeln!(out, "{mark} {release:<10} {}", with_device(answer, summary));
                    out
                }) + "\n* the answer differs from the previous release\n"
            }
        };
        let of_log = agreeing.filter(|_| format != OutputFormat::Json).map(|agreeing| {
            let agreeing = if agreeing.is_empty() { "none".to_owned() } else { releases(&agreeing) };
            format!("\n{}; releases with this answer: {agreeing}\n", self.log_says())
        });
        self.fit(&(text + &of_log.unwrap_or_default()), format)
    }

    /// The text without secrets, and with the device's id in place of that of its stand-in.
    fn fit(&self, text: &str, format: OutputFormat) -> String {
        let mut secrets = self.state.secrets();
        if let Some(secret) = self.simulated.client.credential.given() {
            secrets.add(secret, "secret of the command line");
        }
        let text = secrets.apply_known(text);
        let ClientDevice::StandIn { id, key } = &self.simulated.client.who else { return text };
        // The id is any text that a file holds.
        let id = match format {
            OutputFormat::Plain => short(id),
            // The text is in a code span, which a backtick would end.
            OutputFormat::Markdown => short(id).replace('|', "\\|").replace('`', "'"),
            OutputFormat::Json => json!(short(id)).to_string().trim_matches('"').to_owned(),
        };
        text.replace(&key.device_id(), &id).replace(&key.public_key(), "<public key>")
    }

    fn client(&self) -> String {
        let client = &self.simulated.client;
        let mut text = format!(
            "{} ({}/{}) as {} [{}] on {}, with {}, from {}",
            client.what,
            client.id,
            client.mode,
            short(&client.role),
            short(&client.scopes.join(", ")),
            short(&client.platform),
            client.credential_words(),
            client.peer
        );
        for (name, value) in [("Host", &client.host), ("Origin", &client.origin)] {
            if let Some(value) = value {
                let _ = write!(text, ", {name} {}", short(value));
            }
        }
        for (name, _) in &client.headers {
            let _ = write!(text, ", header {}", short(name));
        }
        text
    }

    /// What is assumed about the client, in one line.
    fn assumed(&self) -> Option<String> {
        let assumptions = self.simulated.client.assumptions();
        (!assumptions.is_empty()).then(|| full(&assumptions.join("; ")))
    }

    fn device(&self) -> String {
        match (&self.simulated.client.who, self.record()) {
            (ClientDevice::Nobody, _) => match self.simulated.usual_device.as_ref().filter(|device| !device.is_new()) {
                Some(device) => {
                    format!("{}, which the client does not send", short_id(&device.id().unwrap_or_default()))
                }
                None => "none".to_owned(),
            },
            (who, _) if who.is_new() => "new".to_owned(),
            (who, None) => {
                let why = match self.simulated.has_store() {
                    true => "which is not paired",
                    false => "whose record is not known, because the gateway does not start on this store",
                };
                format!("{}, {why}", short_id(&who.id().unwrap_or_default()))
            }
            (who, Some(record)) => {
                let name =
                    record.get("displayName").and_then(Value::as_str).map(|name| format!(" \"{}\"", short(name)));
                format!("{}{}", short_id(&who.id().unwrap_or_default()), name.unwrap_or_default())
            }
        }
    }

    fn gateway(&self) -> String {
        let directory = self.simulated.stored.directory().display();
        let config = self
            .state
            .config_path
            .as_ref()
            .map_or_else(|| "no openclaw.json".to_owned(), |path| format!("{}", path.display()));
        let whose = if self.state.is_default { "the one that openclaw uses here, " } else { "" };
        format!("{} ({whose}read-only) with {}", short(&directory.to_string()), short(&config))
    }

    fn release(&self) -> String {
        let release = self.simulated.facts.release;
        let described = self.simulated.facts.described();
        let given = self.is_release_given.then_some(release);
        let mut text = self.state.choose_release(given).to_string();
        if described != release {
            let _ = write!(text, ", which uses the rules of {described}");
        }
        text
    }

    fn record(&self) -> Option<Value> {
        self.simulated.record()
    }

    /// The parts of the record that affect the answer, without tokens.
    fn record_words(&self) -> Option<String> {
        let record = self.record()?;
        let rules = &self.simulated.facts.pairing;
        let list = |key: &str| record.get(key).map_or_else(|| "absent".to_owned(), |value| short(&value.to_string()));
        let effective = match pairing::effective_roles(rules, &record) {
            Ok(roles) if roles.is_empty() => "none".to_owned(),
            Ok(roles) => short(&roles.join(", ")),
            Err(fault) => format!("none: {}", short(&fault.to_string())),
        };
        let tokens = match record.get("tokens") {
            None => "absent".to_owned(),
            Some(Value::Object(tokens)) if tokens.is_empty() => "{}".to_owned(),
            Some(Value::Object(tokens)) => tokens.iter().take(MAX).map(token_words).collect::<Vec<_>>().join("; "),
            Some(_) => "not an object".to_owned(),
        };
        let text = |key: &str| record.get(key).and_then(Value::as_str).map_or_else(|| "none".to_owned(), short);
        Some(format!(
            "roles {} (effective: {effective}), scopes {}, approvedScopes {}, tokens: {tokens}, platform {}, family {}",
            list("roles"),
            list("scopes"),
            list("approvedScopes"),
            text("platform"),
            text("deviceFamily")
        ))
    }

    fn head(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "client   {}", self.client());
        if let Some(assumed) = self.assumed() {
            let _ = writeln!(out, "assumed  {assumed}");
        }
        let _ = writeln!(out, "device   {}", self.device());
        let _ = writeln!(out, "gateway  {}", self.gateway());
        let _ = writeln!(out, "release  {}\n", self.release());
        out
    }

    /// Whether the computed answer is that of the log. `true` without a log.
    pub(crate) fn is_as_logged(&self) -> bool {
        self.logged.is_none_or(|logged| logged.agrees(self.answer))
    }

    fn log_says(&self) -> String {
        self.logged.and_then(LoggedRefusal::says).unwrap_or_default()
    }

    /// What the log says, if the model computes another answer: the cause is not in the state directory, or the client
    /// differs.
    fn other_answer(&self) -> Vec<(&'static str, String)> {
        let Some(logged) = self.logged.filter(|logged| !logged.agrees(self.answer)) else { return Vec::new() };
        let mut lines = vec![("log", self.log_says())];
        match logged.cause(&self.simulated.facts, self.simulated.handshake_timeout_ms()) {
            Some(found) => {
                lines.extend([("cause", found.cause), ("remedy", found.remedy)]);
                lines.push((
                    "otherwise",
                    "the answer below is the answer to the same client without this cause".to_owned(),
                ));
            }
            None => {
                let options = "--as, --device, --auth, --header, --config and --release";
                let differs =
                    "the answer below differs from the logged answer: the client, the settings or the release differ";
                lines.push(("note", format!("{differs} from those of the log; name them with {options}")));
                let agreeing = as_logged(logged, &remedies::by_release(self.simulated));
                if !agreeing.is_empty() {
                    let agreeing = releases(&agreeing);
                    lines.push(("releases", format!("these releases give the logged answer (--release): {agreeing}")));
                }
            }
        }
        lines
    }

    fn text(&self) -> String {
        let mut out = String::new();
        let other = self.other_answer();
        other.iter().for_each(|(name, text)| {
            let _ = writeln!(out, "{name:<9} {}", full(text));
        });
        if !other.is_empty() {
            out.push('\n');
        }
        let _ = write!(out, "{}\n\n{}", summary(self.answer), self.head());
        if !self.answer.trace.is_empty() {
            out.push_str("Checks, in order:\n");
        }
        for line in self.answer.trace.iter().filter(|line| trace::is_shown(line)) {
            let _ = writeln!(out, "  {}", trace::text(line, self.simulated.facts.release));
        }
        if let Verdict::NoStart(refusal) = &self.answer.verdict {
            out.push_str("The gateway says:\n");
            refusal.lines.iter().take(MAX).for_each(|line| {
                let _ = writeln!(out, "  {}", full(line));
            });
        }
        if let Some(record) = self.record_words().filter(|_| !self.answer.trace.is_empty()) {
            let _ = writeln!(out, "  {:<11} {record}", "record");
        }
        for note in self.all_notes() {
            let _ = writeln!(out, "  {:<11} {}", "note", short(&note));
        }
        if let Some(results) = self.results {
            out.push('\n');
            self.remedies(results, &mut out);
        }
        if !self.variants.is_empty() {
            out.push('\n');
            self.refused_variants(&mut out);
        }
        out
    }

    /// The differences that make the gateway refuse the client.
    fn refused_variants(&self, out: &mut String) {
        out.push_str(
            "If the gateway refuses this client, the client must differ from the description above. Refused variants:\n",
        );
        let width = self.variants.iter().map(|variant| variant.option.len()).max().unwrap_or_default();
        for RefusedVariant { option, what, answer } in &self.variants {
            let _ = writeln!(out, "  {option:<width$}  {}: {}", short(what), short(answer));
        }
        out.push_str("For the cause and the remedies of a variant, repeat the command with its option.\n");
    }

    fn remedies(&self, results: &RemedyResults, out: &mut String) {
        match results.helps.is_empty() {
            true => out.push_str("None of the remedies that were tried let this client in on this release.\n"),
            false => out
                .push_str("Remedies for this client (tried on the model, also after a restart; least risky first):\n"),
        }
        for (index, remedy) in results.helps.iter().enumerate() {
            let _ = writeln!(out, "  {}. {}", index + 1, short(&remedy.what));
            for line in &remedy.how {
                let _ = writeln!(out, "       {}", short(line));
            }
            if let Some(opens) = remedy.opens {
                let _ = writeln!(out, "       grants more than this client needs: {opens}");
            }
            if let Some(lost) = &remedy.lost {
                let _ = writeln!(out, "       the client then does not get: {}", short(lost));
            }
            if remedy.locks_out_command {
                let _ = writeln!(
                    out,
                    "       the gateway then refuses the `openclaw` command of its machine, which has the same device"
                );
            }
        }
        let placeholders = remedies::placeholders(&results.helps);
        if !placeholders.is_empty() {
            out.push_str("In the commands, replace:\n");
        }
        for (name, meaning) in placeholders {
            let _ = writeln!(out, "  {name:<16} {meaning}");
        }
        match results.releases.as_slice() {
            [] => out.push_str("No other known release lets this client in without a change.\n"),
            known => {
                let _ = writeln!(out, "Releases that let this client in without a change: {}", releases(known));
            }
        }
        if !results.fails.is_empty() {
            let fails = results.fails.iter().take(MAX).map(|remedy| short(&remedy.what)).collect::<Vec<_>>();
            let _ = writeln!(out, "Does not help: {}", fails.join("; "));
        }
    }

    fn markdown(&self) -> String {
        let mut out = String::new();
        for (name, text) in self.other_answer() {
            let _ = writeln!(out, "- {name}: {}", markdown::code(&full(&text)));
        }
        let _ = write!(out, "\n**{}**\n\n", markdown::code(&summary(self.answer)));
        let head = [
            ("client", Some(self.client())),
            ("assumed", self.assumed()),
            ("device", Some(self.device())),
            ("gateway", Some(self.gateway())),
            ("release", Some(self.release())),
        ];
        for (name, text) in head.into_iter().filter_map(|(name, text)| Some((name, text?))) {
            let _ = writeln!(out, "- {name}: {}", markdown::code(&text));
        }
        out.push_str("\n| check | result | since |\n|---|---|---|\n");
        for line in &self.answer.trace {
            let sentence = markdown::cell(&short(&line.sentence));
            let since = trace::since(line, self.simulated.facts.release);
            let since = since.map(|release| release.to_string()).unwrap_or_default();
            let _ = writeln!(out, "| {} | {sentence} | {since} |", line.check.name());
        }
        if let Some(record) = self.record_words() {
            let _ = writeln!(out, "\nRecord: {}", markdown::code(&record));
        }
        for note in self.all_notes() {
            let _ = writeln!(out, "\nNote: {}", markdown::code(&short(&note)));
        }
        if let Some(results) = self.results {
            out.push_str("\n```text\n");
            self.remedies(results, &mut out);
            out.push_str("```\n");
        }
        if !self.variants.is_empty() {
            out.push_str("\n```text\n");
            self.refused_variants(&mut out);
            out.push_str("```\n");
        }
        out
    }

    fn json(&self) -> Value {
        let remedy = |remedy: &Remedy| {
            let how = remedy.how.iter().map(|line| short(line)).collect::<Vec<_>>();
            json!({ "what": short(&remedy.what), "how": how, "risk": remedy.risk.name(), "opens": remedy.opens, "lost": remedy.lost, "locks_out_command": remedy.locks_out_command })
        };
        let remedies = |list: &[Remedy]| list.iter().map(remedy).collect::<Vec<_>>();
        let (error, close) = match &self.answer.verdict {
            Verdict::Refused { error, close } => (error.as_deref(), close.as_ref()),
            _ => (None, None),
        };
        json!({
            "schema": 1,
            "release": self.simulated.facts.release.to_string(),
            "state_dir": short(&self.simulated.stored.directory().display().to_string()),
            "client": self.client(),
            "assumed": self.simulated.client.assumptions(),
            "device": match &self.simulated.client.who {
                who if who.is_new() => Some("new".to_owned()),
                who => who.id().map(|id| short(&id)),
            },
            "let_in": matches!(self.answer.verdict, Verdict::LetIn(_)),
            "answer": summary(self.answer),
            "log": self.logged.map(|logged| {
                let cause = logged.cause(&self.simulated.facts, self.simulated.handshake_timeout_ms());
                json!({
                    "says": logged.says().map(|text| short(&text)), "agrees": logged.agrees(self.answer),
                    "cause": cause.as_ref().map(|found| &found.cause), "remedy": cause.as_ref().map(|found| &found.remedy),
                })
            }),
            "code": error.map(|error| error.code.as_str()),
            "details": error.and_then(|error| error.details.as_ref()).map(|details| json!({
                "code": details.get("code"), "reason": details.get("reason"), "authReason": details.get("authReason"),
            })),
            "close": close.map(|(code, reason)| json!({ "code": code, "reason": short(reason) })),
            "withheld_scopes": self.answer.withheld.iter().map(|scope| short(scope)).collect::<Vec<_>>(),
            "trace": self.answer.trace.iter().map(|line| trace::json(line, self.simulated.facts.release)).collect::<Vec<_>>(),
            "record": self.record_words(),
            "notes": self.all_notes().iter().map(|note| short(note)).collect::<Vec<_>>(),
            "refused_variants": self.variants.iter().map(|variant| json!({
                "option": variant.option, "what": short(&variant.what), "answer": short(&variant.answer),
            })).collect::<Vec<_>>(),
            "remedies": self.results.map(|results| remedies(&results.helps)),
            "placeholders": self.results.map(|results| remedies::placeholders(&results.helps).into_iter().collect::<BTreeMap<_, _>>()),
            "does_not_help": self.results.map(|results| remedies(&results.fails)),
            "releases_that_let_it_in":
                self.results.map(|results| results.releases.iter().map(ToString::to_string).collect::<Vec<_>>()),
        })
    }

    fn all_notes(&self) -> Vec<String> {
        let log = self.simulated.start().map(|gateway| gateway.log).unwrap_or_default();
        // `explain` itself changes nothing.
        let log = log.into_iter().map(|line| format!("{} logs at its start: {line}", self.simulated.facts.release));
        let log = log.collect::<Vec<_>>();
        let (lost, differs) = (self.overwritten(), self.simulated.own_credentials_note());
        let first = lost.iter().chain(&differs).chain(&self.notes);
        first.chain(&self.state.notes).chain(&log).take(MAX).cloned().collect()
    }

    /// A warning if this release overwrites a damaged list of paired devices, even if it lets the client in.
    fn overwritten(&self) -> Option<String> {
        let rules = &self.simulated.facts.pairing;
        let file = self.simulated.stored.file(Document::DevicesPaired);
        let is_lost = rules.format == StoreFormat::Files && !rules.state.unreadable_ends;
        (is_lost && matches!(file, StoredFile::Unusable { .. })).then(|| {
            let path = Document::DevicesPaired.path();
            format!("this release treats {path} as empty and overwrites it on the next change: copy the file first")
        })
    }
}

/// The releases that give the logged answer.
fn as_logged(logged: &LoggedRefusal, answers: &[ReleaseAnswer]) -> Vec<Release> {
    answers.iter().filter(|answer| logged.agrees(&answer.answer)).map(|answer| answer.release).collect()
}
