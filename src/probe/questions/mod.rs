//! All questions, one file for each topic.

mod connect;
mod connection;
mod first_frame;
mod hello;
mod pairing;
mod proof;
mod proxies;
mod secrets;

pub(super) use connection::SILENCE;
pub(super) use hello::HELLO;
pub(super) use pairing::NEW_DEVICE;
pub(super) use proof::{INVALID as INVALID_PROOFS, VALID as VALID_PROOFS};
pub(super) use secrets::{NO_SECRET, WRONG_TOKEN};

use super::question::Question;

/// Questions of one stage.
pub(super) struct QuestionGroup {
    /// The questions of the stage, in their order.
    pub(super) questions: &'static [Question],
    /// Whether they are asked in order, because an answer depends on the questions before it or decides whether the
    /// next question is harmless.
    pub(super) in_order: bool,
}

/// The stages of a probe. A stage begins when the one before it is complete. Questions that try wrong secrets come
/// late, because they count towards a gateway's rate limit.
pub(super) const STAGES: [&[QuestionGroup]; 4] = [
    &[any_order(connection::QUESTIONS), any_order(secrets::FIRST)],
    &[any_order(hello::FIRST)],
    &[
        any_order(hello::QUESTIONS),
        any_order(first_frame::QUESTIONS),
        any_order(connect::QUESTIONS),
        in_order(proof::QUESTIONS),
        any_order(proxies::QUESTIONS),
    ],
    &[in_order(pairing::QUESTIONS), in_order(secrets::GUESSES)],
];

const fn any_order(questions: &'static [Question]) -> QuestionGroup {
    QuestionGroup { questions, in_order: false }
}

const fn in_order(questions: &'static [Question]) -> QuestionGroup {
    QuestionGroup { questions, in_order: true }
}

/// All questions of all stages.
pub(super) fn all() -> impl Iterator<Item = &'static Question> {
    STAGES.into_iter().flatten().flat_map(|group| group.questions)
}
