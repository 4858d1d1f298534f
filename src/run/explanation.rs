//! The model's explanation of a case. The case is played on the embedded gateway, which reports the checks that led to
//! the answer of each step.

use super::case::{observe, redactions, sandbox};
use super::release::release_of;
use super::run_state::RunState;
use super::steps::context::{CaseContext, CaseError};
use super::steps::traces::{StepTrace, Traces};
use crate::gateway::{Gateway, GatewaySpec, Preparation, PrepareError, RunDirectory};
use crate::judge::{self, Verdict};
use crate::observe::{Frame, Message, StepObservation};
use crate::run::outcome::{CaseExplanation, CaseReport, ExplainedStep};
use crate::scenario::{Case, StepKind};
use openclaw_model::Release;
use untrusted_data::Redactions;

/// The reason why the model cannot explain a case.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExplanationError {
    /// The release is unknown.
    #[error(transparent)]
    Release(#[from] PrepareError),
    /// The case cannot be played.
    #[error("the model cannot play the case: {0}")]
    Case(#[from] CaseError),
}

/// Plays a case on the embedded gateway at a release and explains each step. `secrets` do not occur in the explanation.
///
/// # Errors
/// The release is unknown, or the case cannot be played, for example because its gateway does not start.
pub(crate) async fn explain(
    case: &Case,
    release: Release,
    run_directory: &RunDirectory,
    secrets: &Redactions,
) -> Result<CaseExplanation, ExplanationError> {
    let model = Gateway::prepare(&GatewaySpec::Embedded(Some(release)), &Preparation::default(), &|_| {}).await?;
    let release = release_of(&model);
    let sandbox = sandbox(case, &model, release, run_directory).map_err(CaseError::Disk)?;
    let mut context = CaseContext::new(case, &model, sandbox, release, None);
    let traces = Traces::default();
    context.traces = Some(traces.clone());
    let played = context.perform().await;
    let steps = match played {
        Ok(steps) => steps,
        Err(error) => {
            context.end().await;
            return Err(error.into());
        }
    };
    let observation = observe(&context, steps, &model, secrets);
    context.end().await;
    let mut redactions = redactions(&context);
    redactions.extend(secrets);
    let known = context.known();
    let traces = traces.take().into_iter().map(|mut trace| {
        for line in &mut trace.lines {
            let symbols = known
                .iter()
                .fold(std::mem::take(&mut line.sentence), |text, known| text.replace(&known.value, &known.symbol));
            line.sentence = redactions.apply_known(&symbols);
        }
        trace
    });
    let traces = traces.collect::<Vec<_>>();
    let mut explained = Vec::new();
    for step in &observation.steps {
        explained.push(explained_step(case, step, trace_of(&traces, step)));
        explained.extend(step.parallel.iter().map(|branch| explained_step(case, branch, None)));
    }
    Ok(CaseExplanation { release, steps: explained })
}

/// Adds the explanation of the failing steps to the report of a failing case. A case that the model cannot play has none.
pub(super) async fn add(report: &mut CaseReport, case: &Case, release: Release, shared: &RunState<'_>) {
    if !matches!(report.verdict, Verdict::Deviates | Verdict::UnexpectedlyConforms) {
        return;
    }
    let secrets = shared.secrets().clone();
    if let Ok(mut explanation) = explain(case, release, &shared.run_directory, &secrets).await {
        explanation.retain_failing(&report.findings, &report.differences);
        report.explanation = Some(explanation);
    }
}

fn trace_of<'a>(traces: &'a [StepTrace], step: &StepObservation) -> Option<&'a StepTrace> {
    let round = step.rounds.map_or(1, |rounds| rounds.first);
    traces.iter().find(|trace| trace.number == step.number && trace.round == round)
}

fn explained_step(case: &Case, seen: &StepObservation, trace: Option<&StepTrace>) -> ExplainedStep {
    let step = case.steps().nth(seen.number);
    let own = || seen.seen.iter().filter(|observed| observed.on.is_none());
    let accepted = own().any(|observed| matches!(observed.message, Message::Frame(Frame::Hello(_))));
    let connects = step.is_some_and(|step| matches!(step.kind, StepKind::Connect(_)));
    let error = own().any(|observed| matches!(observed.message, Message::Frame(Frame::Error(_))));
    ExplainedStep {
        number: seen.number + 1,
        name: step.and_then(|step| step.known_as()).map(|name| name.as_str().to_owned()),
        title: seen.step.clone(),
        line: step.map_or(0, |step| case.line(step.span)),
        connects,
        is_refused: if connects { !accepted } else { error },
        answer: answer(seen, connects),
        trace: trace.map(|trace| trace.lines.clone()).unwrap_or_default(),
        is_truncated: trace.is_some_and(|trace| trace.is_truncated),
    }
}

/// The answer in one line: `let in as operator [operator.read]`, or `refused: ...` with the codes.
fn answer(seen: &StepObservation, connects: bool) -> String {
    let own = seen.seen.iter().filter(|observed| observed.on.is_none()).map(|observed| &observed.message);
    let mut parts = Vec::new();
    for message in own {
        match message {
            Message::Frame(Frame::Hello(hello)) => {
                let auth = hello.auth.as_ref();
                let role = auth.and_then(|auth| auth["role"].as_str()).map(|role| format!(" as {role}"));
                let scopes = auth.and_then(|auth| auth["scopes"].as_array()).map(|scopes| {
                    let scopes = scopes.iter().filter_map(|scope| scope.as_str()).collect::<Vec<_>>();
                    format!(" [{}]", scopes.join(", "))
                });
                parts.push(format!("let in{}{}", role.unwrap_or_default(), scopes.unwrap_or_default()));
            }
            Message::Frame(Frame::Error(error)) => {
                let detail = |name: &str| error["details"][name].as_str();
                let reason = detail("reason").or_else(|| detail("authReason"));
                let codes = [error["code"].as_str(), detail("code"), reason].into_iter().flatten();
                let codes = codes.collect::<Vec<_>>().join(" ");
                parts.push(format!("refused: {codes} \"{}\"", error["message"].as_str().unwrap_or_default()));
            }
            Message::Http(status) if connects => parts.push(format!("refused: HTTP {status}")),
            Message::Close { code, reason, .. } => {
                let code = code.map_or_else(|| "without a code".to_owned(), |code| code.to_string());
                let refused = if connects && parts.is_empty() { "refused: " } else { "" };
                parts.push(format!("{refused}close {code} \"{reason}\""));
            }
            _ => {}
        }
    }
    if parts.is_empty() { judge::in_words(seen) } else { parts.join(", then ") }
}
