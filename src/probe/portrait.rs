//! The answers of a gateway, and the releases with the most equal answers.

use super::answer::{Answer, Decision};
use super::known::Reference;
use super::question::{Leaves, Question};
use super::questions::{HELLO, NO_SECRET, WRONG_TOKEN};
use openclaw_model::Release;
use std::collections::BTreeSet;

/// The answers of a gateway.
#[derive(Debug, Default)]
pub(crate) struct Portrait {
    /// The questions that were asked, in order, and the answers.
    pub(crate) answers: Vec<(&'static Question, Answer)>,
    /// The questions that were not asked.
    pub(crate) not_asked: Vec<NotAsked>,
    /// `server.version` in the hello-ok.
    pub(crate) version: Option<String>,
    /// The methods in the hello-ok.
    pub(crate) methods: BTreeSet<String>,
    /// The answers of the known releases, oldest first.
    pub(crate) references: Vec<Reference>,
}

/// A question that was not asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotAsked {
    /// The question.
    pub(crate) question: &'static Question,
    /// Why.
    pub(crate) why: &'static str,
}

/// How many answers of a release equal those of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Similarity {
    /// The number of equal answers.
    pub(crate) equal: usize,
    /// The number of compared answers.
    pub(crate) of: usize,
}

impl Similarity {
    /// With one more compared answer.
    pub(super) fn with(self, equal: bool) -> Self {
        Self { equal: self.equal + usize::from(equal), of: self.of + 1 }
    }

    /// Whether more than half of the answers are equal. Otherwise, the gateway does not behave like the release.
    pub(crate) fn is_close(self) -> bool {
        self.equal * 2 > self.of
    }
}

impl Portrait {
    /// Adds an answer.
    pub(super) fn add(&mut self, question: &'static Question, answer: Answer) {
        self.answers.push((question, answer));
    }

    /// The answer to a question.
    pub(crate) fn answer(&self, id: &str) -> Option<&Answer> {
        self.answers.iter().find(|(question, _)| question.id == id).map(|(_, answer)| answer)
    }

    /// Whether the gateway granted what a question requested.
    pub(crate) fn grants(&self, id: &str) -> bool {
        self.answer(id).is_some_and(|answer| answer.decision == Decision::Granted)
    }

    /// Whether the gateway certainly checks shared secrets: it accepts the correct secret and refuses a wrong one, or
    /// its refusal names the wrong secret as the reason. A gateway without a secret can refuse for other reasons.
    pub(super) fn checks_secrets(&self) -> bool {
        let wrong = self.answer(WRONG_TOKEN).filter(|answer| answer.decision == Decision::Refused);
        let names_it = wrong.is_some_and(|answer| answer.text.contains(" AUTH_"));
        wrong.is_some() && !self.grants(NO_SECRET) && (self.grants(HELLO) || names_it)
    }

    /// Whether a device without the correct secret was paired or has a pending request.
    pub(super) fn pairs_without_secret(&self) -> bool {
        let devices = self.answers.iter().filter(|(question, _)| question.leaves == Leaves::RecordIfOpen);
        devices
            .map(|(_, answer)| answer)
            .any(|answer| answer.decision == Decision::Granted || answer.text.contains("PAIR"))
    }

    /// The releases with the most equal answers, oldest first.
    pub(crate) fn best(&self) -> Vec<&Reference> {
        let most = self.references.iter().map(|reference| reference.similarity.equal).max();
        self.references.iter().filter(|reference| Some(reference.similarity.equal) == most).collect()
    }

    /// The release among the closest ones that the gateway names in its hello-ok, or else the newest of them.
    pub(crate) fn best_claim(&self) -> Option<Release> {
        let best = self.best().iter().map(|reference| reference.release).collect::<Vec<_>>();
        let named = self.version.as_deref().and_then(|version| version.parse().ok());
        named.filter(|named| best.contains(named)).or(best.last().copied())
    }

    /// The closest releases. Empty if no release is close.
    pub(crate) fn closest(&self) -> Vec<Release> {
        let best = self.best();
        best.iter().filter(|reference| reference.similarity.is_close()).map(|reference| reference.release).collect()
    }

    /// The answers of a known release.
    pub(crate) fn reference(&self, release: Release) -> Option<&Reference> {
        self.references.iter().find(|reference| reference.release == release)
    }
}
