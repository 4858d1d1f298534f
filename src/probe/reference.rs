//! The answers of one known release, and how many of them are equal.

use super::answer::Answer;
use openclaw_model::Release;
use std::collections::HashMap;

/// The answers of one known release.
#[derive(Debug)]
pub(crate) struct ReleaseAnswers {
    /// The known release that was asked.
    pub(crate) release: Release,
    /// The answers of the release, by question.
    pub(super) answers: HashMap<&'static str, Answer>,
    /// How many of the compared answers are equal.
    pub(crate) similarity: Similarity,
}

impl ReleaseAnswers {
    /// The answer of the release to a question. `None` if the question could not be asked.
    pub(crate) fn answer(&self, id: &str) -> Option<&Answer> {
        self.answers.get(id)
    }
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
