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
pub(super) use secrets::{NO_SECRET, WRONG_TOKEN};

use super::question::Question;

/// The questions that are asked one after the other, in this order. Questions that try wrong secrets come late, because
/// they count towards a gateway's rate limit.
pub(super) fn all() -> impl Iterator<Item = &'static Question> {
    let lists: [&[Question]; 8] = [
        connection::QUESTIONS,
        secrets::FIRST,
        hello::QUESTIONS,
        first_frame::QUESTIONS,
        connect::QUESTIONS,
        proof::QUESTIONS,
        proxies::QUESTIONS,
        pairing::QUESTIONS,
    ];
    lists.into_iter().flatten().chain(secrets::GUESSES)
}
