//! Shared secrets, without a device and with one.

use crate::client::connect::Auth;
use crate::probe::connect::Connect;
use crate::probe::context::{ProbeContext, WRONG};
use crate::probe::question::Topic::Secrets;
use crate::probe::question::{Prerequisite, Question, Script, SideEffect};

/// The question that shows whether a gateway requires a secret.
pub(in crate::probe) const NO_SECRET: &str = "no-secret";
/// The question that shows whether a gateway checks the secret.
pub(in crate::probe) const WRONG_TOKEN: &str = "wrong-token";

/// Asked early, because the answers decide which other questions are harmless.
pub(super) const FIRST: &[Question] = &[
    Question::new(NO_SECRET, Secrets, "no secret", Script::Connect(|context| context.with_auth(Auth::default()))),
    Question::new(WRONG_TOKEN, Secrets, "a wrong token", Script::Connect(|context| context.with_auth(token(WRONG))))
        .with_wrong_secret(),
];

/// The other questions with wrong secrets.
pub(super) const GUESSES: &[Question] = &[
    Question::new(
        "wrong-password",
        Secrets,
        "a wrong password",
        Script::Connect(|context| context.with_auth(Auth { password: Some(WRONG.to_owned()), ..Auth::default() })),
    )
    .with_wrong_secret(),
    Question::new(
        "swapped",
        Secrets,
        "the correct secret as the other kind of secret",
        Script::Connect(|context| context.with_auth(context.secret.swapped())),
    )
    .needs(Prerequisite::Secret)
    .with_wrong_secret(),
    Question::new(
        "wrong-token-with-device",
        Secrets,
        "a wrong token with a device",
        Script::Connect(|context| with_device(context, "wrong token", token(WRONG))),
    )
    .leaves(SideEffect::RecordIfOpen)
    .with_wrong_secret(),
    Question::new(
        "wrong-device-token",
        Secrets,
        "a wrong device token",
        Script::Connect(|context| {
            with_device(context, "device token", Auth { device_token: Some(WRONG.to_owned()), ..Auth::default() })
        }),
    )
    .leaves(SideEffect::RecordIfOpen)
    .with_wrong_secret(),
    Question::new(
        "wrong-bootstrap-token",
        Secrets,
        "a wrong bootstrap token",
        Script::Connect(|context| {
            with_device(context, "bootstrap", Auth { bootstrap_token: Some(WRONG.to_owned()), ..Auth::default() })
        }),
    )
    .leaves(SideEffect::RecordIfOpen)
    .with_wrong_secret(),
];

fn token(token: &str) -> Auth {
    Auth { token: Some(token.to_owned()), ..Auth::default() }
}

fn with_device(context: &ProbeContext, name: &str, auth: Auth) -> Connect {
    let mut connect = context.with_auth(auth);
    connect.request.device = Some(context.accepted_device(name));
    connect
}
