//! The proof of a device: which versions a gateway accepts, and which parts it verifies.

use crate::client::connect::{Device, KeyForm, SentNonce};
use crate::probe::connect::Connect;
use crate::probe::context::ProbeContext;
use crate::probe::question::Topic::Proof;
use crate::probe::question::{Question, Script, SideEffect};
use openclaw_protocol::proof::ProofVersion;

/// Signed five minutes ago: too old for the releases that allow two minutes, but not for those that allow ten.
const OLD_MS: i64 = -300_000;
/// Too old for every release.
const VERY_OLD_MS: i64 = -3_600_000;

/// The questions with a proof that is valid in some release, and those with a signature that is valid in none. Without a nonce,
/// a v1 proof can be refused for its form.
pub(in crate::probe) const VALID: [&str; 2] = ["proof-v3", "proof-v2"];
pub(in crate::probe) const INVALID: [&str; 2] = ["forged", "damaged"];

pub(super) const QUESTIONS: &[Question] = &[
    question("proof-v3", "a v3 proof", |context| context.proof("v3", |_| {})),
    question("proof-v2", "a v2 proof", |context| context.proof("v2", |device| device.version = ProofVersion::V2)),
    question("proof-v1", "a v1 proof", |context| {
        context.proof("v1", |device| {
            device.version = ProofVersion::V1;
            device.nonce = SentNonce::Absent;
        })
    }),
    question("pem", "a v3 proof with a PEM key", |context| context.proof("pem", |device| device.form = KeyForm::Pem)),
    question("forged", "a proof that another key signed", |context| {
        let other = context.key("forger");
        context.proof("forged", |device| device.signed_by = Some(other))
    }),
    question("damaged", "a damaged signature", |context| context.proof("damaged", |device| device.damaged = true)),
    question("no-nonce", "no nonce", |context| context.proof("no nonce", |device| device.nonce = SentNonce::Absent)),
    question("other-nonce", "another nonce", |context| {
        context.proof("other nonce", |device| device.nonce = SentNonce::Other("clawcheck".to_owned()))
    }),
    question("old", "signed 5 minutes ago", |context| context.proof("old", |device| device.offset_ms = OLD_MS)),
    question("very-old", "signed an hour ago", |context| {
        context.proof("very old", |device| device.offset_ms = VERY_OLD_MS)
    }),
    question("other-id", "the id of another device", other_id),
];

const fn question(id: &'static str, what: &'static str, connect: fn(&ProbeContext) -> Connect) -> Question {
    Question::new(id, Proof, what, Script::Connect(connect)).leaves(SideEffect::RecordIfOpen)
}

fn other_id(context: &ProbeContext) -> Connect {
    let id = context.key("somebody else").device_id();
    context.proof("id", |device: &mut Device| device.id = Some(id))
}
