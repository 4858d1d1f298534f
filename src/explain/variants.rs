//! Small differences after which the gateway refuses a client that it would let in. A user who is locked out although the
//! described client is let in looks for one of them.

use super::client::{Credential, ELSEWHERE};
use super::platform::{LOCAL_PLATFORM, next_version};
use super::simulated_gateway::{Answer, SimulatedGateway};
use super::text::{releases, short_id, summary};
use super::{ClientDescription, StateDirectory, simulated};
use crate::client::Proxy;
use crate::shell::quoted;
use openclaw_model::{AuthMode, Release, known_releases};
use std::collections::BTreeMap;

/// A wrong token or password.
const WRONG: &str = "wrong";

/// A difference that leads to a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedVariant {
    /// The option of `explain` that describes the difference.
    pub option: String,
    /// The difference in words.
    pub what: String,
    /// The refusal in one line.
    pub answer: String,
}

/// A client that is let in, and how the user describes it.
#[derive(Clone, Copy)]
pub(crate) struct AdmittedClient<'a> {
    /// The state directory.
    pub state: &'a StateDirectory,
    /// The client, as the user describes it.
    pub description: &'a ClientDescription,
    /// The gateway and the client.
    pub simulated: &'a SimulatedGateway,
}

impl AdmittedClient<'_> {
    /// The variants of the client that this gateway refuses. If the release is assumed, also the releases that refuse the client.
    pub(crate) fn refused_variants(self) -> Vec<RefusedVariant> {
        let mut found = Vec::new();
        if self.state.choose_release(self.description.release).is_assumed() {
            found = self.refusing_releases();
        }
        for Difference { option, what, description } in self.differences() {
            let Some(other) = self.with(&description) else { continue };
            // An option can select another kind of client, whose answer says nothing about this one.
            let is_same =
                (&other.client.id, &other.client.role) == (&self.simulated.client.id, &self.simulated.client.role);
            let answer = other.answer();
            if is_same && !answer.succeeds() {
                found.push(RefusedVariant { option, what, answer: refusal(&answer) });
            }
        }
        found
    }

    /// The gateway and the client of another description.
    fn with(self, description: &ClientDescription) -> Option<SimulatedGateway> {
        simulated(self.state, description, self.simulated.now).ok()
    }

    /// The releases that refuse the client, one variant for each answer.
    fn refusing_releases(self) -> Vec<RefusedVariant> {
        let mut by_answer = BTreeMap::<String, Vec<Release>>::new();
        for release in known_releases() {
            let description = ClientDescription { release: Some(release), ..self.description.clone() };
            let answer = self.with(&description).map(|other| other.answer()).filter(|answer| !answer.succeeds());
            if let Some(answer) = answer {
                by_answer.entry(refusal(&answer)).or_default().push(release);
            }
        }
        let variant = |(answer, refusing): (String, Vec<Release>)| {
            let option = format!("--release {}", refusing[0]);
            RefusedVariant { option, what: format!("on {}", releases(&refusing)), answer }
        };
        by_answer.into_iter().map(variant).collect()
    }

    fn differences(self) -> Vec<Difference> {
        let client = &self.simulated.client;
        let mut all = Vec::new();
        let mut add = |option: String, what: String, change: &dyn Fn(&mut ClientDescription)| {
            let mut description = self.description.clone();
            change(&mut description);
            all.push(Difference { option, what, description });
        };
        if client.peer.to_canonical().is_loopback() && client.headers.is_empty() {
            add(format!("--peer {ELSEWHERE}"), "from another machine".to_owned(), &|other| {
                other.peer = Some(ELSEWHERE)
            });
            let what = "behind a proxy on the gateway's machine".to_owned();
            add("--via nginx".to_owned(), what, &|other| other.via = Some(Proxy::Nginx));
        }
        let other = if client.platform == LOCAL_PLATFORM { "macos" } else { LOCAL_PLATFORM };
        let updated = next_version(&client.platform).map(|next| (next, "after an update of its system"));
        for (platform, what) in updated.into_iter().chain([(other.to_owned(), "on another platform")]) {
            let option = format!("--platform {}", quoted(&platform));
            add(option, what.to_owned(), &|other| other.platform = Some(platform.clone()));
        }
        let wrong = Some(WRONG.to_owned());
        let secret = match self.simulated.settings().map(|settings| settings.auth_mode) {
            Some(AuthMode::Token) => Some(("token", Credential::Token(wrong))),
            Some(AuthMode::Password) => Some(("password", Credential::Password(wrong))),
            _ => None,
        };
        if let Some((kind, wrong)) = secret {
            let what = format!("with a wrong {kind}");
            add(format!("--auth {kind}={WRONG}"), what, &|other| other.credential = Some(wrong.clone()));
            let nothing = |other: &mut ClientDescription| other.credential = Some(Credential::None);
            add("--auth none".to_owned(), format!("without the {kind}"), &nothing);
        }
        if self.simulated.start().is_ok_and(|gateway| gateway.device_token(client).is_some()) {
            let of_record = |other: &mut ClientDescription| other.credential = Some(Credential::DeviceToken(None));
            add("--auth device-token".to_owned(), "with the device token in its record".to_owned(), &of_record);
        }
        if let Some(id) = self.simulated.device_id().filter(|_| self.simulated.omits_device()) {
            let device = id.clone();
            let option = format!("--device {}", short_id(&id));
            add(option, "with its device".to_owned(), &move |other| other.device = Some(device.clone()));
        }
        if !client.who.is_new() {
            let what = "with a device that is not paired".to_owned();
            add("--device new".to_owned(), what, &|other| other.device = Some("new".to_owned()));
        }
        all
    }
}

/// The refusal without the close.
fn refusal(answer: &Answer) -> String {
    let summary = summary(answer);
    let refusal = summary.strip_prefix("refused: ").unwrap_or(&summary);
    refusal.split(", then close").next().unwrap_or_default().to_owned()
}

/// A difference between two clients.
struct Difference {
    option: String,
    what: String,
    /// The client with this difference.
    description: ClientDescription,
}
