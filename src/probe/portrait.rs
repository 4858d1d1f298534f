//! What a gateway answered, and which release answers most like it.

use super::answer::Answer;
use super::known::Reference;
use super::question::Question;
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

    /// Whether more than half of the answers are equal. With less, a release does not describe a gateway.
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

    /// The releases with the most equal answers, oldest first.
    pub(crate) fn best(&self) -> Vec<&Reference> {
        let most = self.references.iter().map(|reference| reference.similarity.equal).max();
        self.references.iter().filter(|reference| Some(reference.similarity.equal) == most).collect()
    }

    /// The releases that answer most like the gateway. Empty if it is close to none.
    pub(crate) fn closest(&self) -> Vec<Release> {
        let best = self.best();
        best.iter().filter(|reference| reference.similarity.is_close()).map(|reference| reference.release).collect()
    }

    /// What is known of a release.
    pub(crate) fn reference(&self, release: Release) -> Option<&Reference> {
        self.references.iter().find(|reference| reference.release == release)
    }
}
