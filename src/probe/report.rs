//! The answers of a gateway, and the releases with the most equal answers.

use super::answer::{Answer, Decision};
use super::question::{Question, SideEffect, Topic};
use super::questions::{HELLO, INVALID_PROOFS, NO_SECRET, VALID_PROOFS, WRONG_TOKEN};
use super::reference::ReleaseAnswers;
use super::settings::ProofSecret;
use openclaw_model::Release;
use std::collections::{BTreeSet, HashMap};
use untrusted_data::Redactions;

/// The answers of a gateway.
#[derive(Debug, Default)]
pub(crate) struct ProbeReport {
    /// The questions that were asked, in order, and the answers.
    pub(crate) answers: Vec<(&'static Question, Answer)>,
    /// The questions that were not asked.
    pub(crate) not_asked: Vec<SkippedQuestion>,
    /// `server.version` in the hello-ok.
    pub(crate) version: Option<String>,
    /// The methods in the hello-ok.
    pub(crate) methods: BTreeSet<String>,
    /// The answers of the known releases, oldest first.
    pub(crate) references: Vec<ReleaseAnswers>,
    /// The device tokens that the gateway issued.
    pub(super) issued: Redactions,
    /// Whether the proofs were sent with the shared secret.
    pub(super) proof_secret: ProofSecret,
}

/// A question that was not asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SkippedQuestion {
    /// The question that was not asked.
    pub(crate) question: &'static Question,
    /// The reason why the question was not asked.
    pub(crate) why: &'static str,
}

impl ProbeReport {
    /// Adds an answer.
    pub(super) fn add(&mut self, question: &'static Question, answer: Answer) {
        self.answers.push((question, answer));
    }

    /// Sorts the answers and the questions that were not asked.
    pub(super) fn sort_as(&mut self, order: impl Iterator<Item = &'static Question>) {
        let order = order.enumerate().map(|(number, question)| (question.id, number)).collect::<HashMap<_, _>>();
        self.answers.sort_by_key(|(question, _)| order.get(question.id));
        self.not_asked.sort_by_key(|not_asked| order.get(not_asked.question.id));
    }

    /// Redacts these secrets and the issued device tokens in all answers of the gateway.
    pub(crate) fn redact(&mut self, secrets: &Redactions) {
        let mut all = secrets.clone();
        all.extend(&self.issued);
        let answers = self.answers.iter_mut().map(|(_, answer)| &mut answer.text);
        answers.chain(&mut self.version).for_each(|text| *text = all.apply_known(text));
        self.methods = self.methods.iter().map(|method| all.apply_known(method)).collect();
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

    /// Whether the gateway says that the secret of the user is wrong.
    pub(crate) fn refuses_secret(&self) -> bool {
        let named = ["AUTH_TOKEN_MISMATCH", "AUTH_PASSWORD_MISMATCH"];
        self.answer(HELLO).is_some_and(|answer| named.iter().any(|code| answer.text.contains(code)))
    }

    /// Whether a device without the correct secret was paired or has a pending request.
    pub(super) fn pairs_without_secret(&self) -> bool {
        let devices = self.answers.iter().filter(|(question, _)| question.leaves == SideEffect::RecordIfOpen);
        devices
            .map(|(_, answer)| answer)
            .any(|answer| answer.decision == Decision::Granted || answer.text.contains("PAIR"))
    }

    /// The answer of a gateway that gives the same refusal to valid and invalid proofs. It decides before it verifies the
    /// proof, so its answers about proofs show nothing.
    pub(super) fn answer_to_all_proofs(&self) -> Option<&Answer> {
        let all = [&VALID_PROOFS[..], &INVALID_PROOFS].concat();
        let answers = all.into_iter().map(|id| self.answer(id)).collect::<Option<Vec<_>>>()?;
        let (first, others) = answers.split_first()?;
        let is_same = first.decision == Decision::Refused && others.iter().all(|other| other.text == first.text);
        is_same.then_some(*first)
    }

    /// Whether an answer of the gateway can be compared with that of a release.
    pub(super) fn is_comparable(&self, question: &Question) -> bool {
        question.topic != Topic::Proof || self.answer_to_all_proofs().is_none()
    }

    /// The releases with the most equal answers, oldest first.
    pub(crate) fn best(&self) -> Vec<&ReleaseAnswers> {
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
    pub(crate) fn reference(&self, release: Release) -> Option<&ReleaseAnswers> {
        self.references.iter().find(|reference| reference.release == release)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redacts_all_texts() {
        let mut report = ProbeReport::default();
        let question = super::super::questions::all().next().unwrap();
        report.add(question, Answer::new(Decision::Refused, "E a-passed-secret an-issued-token"));
        report.version = Some("1 a-passed-secret".to_owned());
        report.methods = BTreeSet::from(["health".to_owned(), "an-issued-token.list".to_owned()]);
        report.issued.add("an-issued-token", "device token");
        let mut secrets = Redactions::default();
        secrets.add("a-passed-secret", "KEY");
        report.redact(&secrets);
        assert_eq!(report.answers[0].1.text, "E <KEY> <device token>");
        assert_eq!(report.version.as_deref(), Some("1 <KEY>"));
        assert!(report.methods.iter().eq(["<device token>.list", "health"]), "{:?}", report.methods);
    }
}
