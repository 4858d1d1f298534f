//! Asks the questions in stages. Questions of one stage whose answers cannot influence each other are asked at the same
//! time, because each of them is mostly a wait for the gateway.

use super::ask::Asker;
use super::question::Question;
use super::questions::{self, STAGES};
use super::report::{ProbeReport, SkippedQuestion};
use futures_util::stream::{self, StreamExt as _};
use std::cell::RefCell;

/// The maximum number of connections at the same time. OpenClaw allows 32 unauthenticated connections of one address.
const MAX_AT_ONCE: usize = 8;

/// Asks all questions that the answers so far do not rule out. The answers have the order of the questions.
pub(super) async fn ask(
    asker: &Asker<'_>,
    reason_not_to_ask: impl Fn(&Question, &ProbeReport) -> Option<&'static str>,
) -> ProbeReport {
    let report = RefCell::new(ProbeReport::default());
    for groups in STAGES {
        let lanes = groups.iter().flat_map(|group| match group.in_order {
            true => vec![group.questions],
            false => group.questions.chunks(1).collect(),
        });
        let lanes = lanes.map(|lane| ask_in_order(asker, lane, &reason_not_to_ask, &report));
        asker.stage();
        stream::iter(lanes).buffer_unordered(MAX_AT_ONCE).for_each(|()| async {}).await;
    }
    let mut report = report.into_inner();
    report.sort_as(questions::all());
    report
}

async fn ask_in_order(
    asker: &Asker<'_>,
    questions: &'static [Question],
    reason_not_to_ask: &impl Fn(&Question, &ProbeReport) -> Option<&'static str>,
    report: &RefCell<ProbeReport>,
) {
    for question in questions {
        let reason = reason_not_to_ask(question, &report.borrow());
        if let Some(why) = reason {
            report.borrow_mut().not_asked.push(SkippedQuestion { question, why });
            continue;
        }
        let answer = asker.ask(question).await;
        report.borrow_mut().add(question, answer);
    }
}
