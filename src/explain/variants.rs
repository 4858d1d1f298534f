//! Small differences that make the gateway refuse a client that it would otherwise let in. If a user is locked out
//! although the described client is let in, one of these differences can be the cause.

use super::client::{Client, ClientDevice, Credential, WRONG};
use super::remedies::by_release;
use super::simulated_gateway::{Answer, SimulatedGateway};
use super::text::{releases, summary};
use openclaw_model::{AuthMode, Release};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// The address of another machine and the host name of a proxy. Both are reserved for documentation.
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
const PUBLIC_HOST: &str = "gateway.example";

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

/// The variants of the client that this gateway refuses. With `other_releases`, also the releases that refuse the client.
pub(crate) fn refused_variants(simulated: &SimulatedGateway, other_releases: bool) -> Vec<RefusedVariant> {
    let mut found = if other_releases { refusing_releases(simulated) } else { Vec::new() };
    for (option, what, change) in changes(simulated) {
        let mut client = simulated.client.clone();
        change(&mut client);
        let answer = SimulatedGateway { client, ..simulated.clone() }.answer();
        if !answer.succeeds() {
            found.push(RefusedVariant { option, what, answer: refusal(&answer) });
        }
    }
    found
}

/// The releases that refuse the client, one variant for each answer.
fn refusing_releases(simulated: &SimulatedGateway) -> Vec<RefusedVariant> {
    let mut by_answer = BTreeMap::<String, Vec<Release>>::new();
    for (release, answer) in by_release(simulated).into_iter().filter(|(_, answer)| !answer.succeeds()) {
        by_answer.entry(refusal(&answer)).or_default().push(release);
    }
    let variant = |(answer, refusing): (String, Vec<Release>)| {
        let option = format!("--release {}", refusing[0]);
        RefusedVariant { option, what: format!("on {}", releases(&refusing)), answer }
    };
    by_answer.into_iter().map(variant).collect()
}

/// The refusal without the close.
fn refusal(answer: &Answer) -> String {
    let summary = summary(answer);
    let refusal = summary.strip_prefix("refused: ").unwrap_or(&summary);
    refusal.split(", then close").next().unwrap_or_default().to_owned()
}

/// A difference: the option of `explain`, the words, and its effect on the client.
type Difference = (String, String, Box<dyn Fn(&mut Client)>);

fn changes(simulated: &SimulatedGateway) -> Vec<Difference> {
    let client = &simulated.client;
    let mut all: Vec<Difference> = Vec::new();
    let mut add = |option: &str, what: &str, change: Box<dyn Fn(&mut Client)>| {
        all.push((option.to_owned(), what.to_owned(), change));
    };
    if client.peer.to_canonical().is_loopback() && client.headers.is_empty() {
        add(&format!("--peer {ELSEWHERE}"), "from another machine", Box::new(|client| client.peer = ELSEWHERE));
        add("--via nginx", "behind a proxy on the gateway's machine", Box::new(behind_proxy));
    }
    let platform = if client.platform.starts_with("linux") { "macos" } else { "linux" };
    add(
        &format!("--platform {platform}"),
        "on another platform",
        Box::new(move |client| platform.clone_into(&mut client.platform)),
    );
    let secret = match simulated.settings().map(|settings| settings.auth_mode) {
        Some(AuthMode::Token) => Some(("token", Credential::Token(Some(WRONG.to_owned())))),
        Some(AuthMode::Password) => Some(("password", Credential::Password(Some(WRONG.to_owned())))),
        _ => None,
    };
    if let Some((kind, wrong)) = secret {
        add(&format!("--auth {kind}=wrong"), &format!("with a wrong {kind}"), sends(wrong));
        add("--auth none", &format!("without the {kind}"), sends(Credential::None));
    }
    add("--auth device-token", "with the device token in its record", sends(Credential::DeviceToken(None)));
    add("--device new", "with a device that is not paired", Box::new(|client| client.who = ClientDevice::unknown()));
    all
}

fn sends(credential: Credential) -> Box<dyn Fn(&mut Client)> {
    Box::new(move |client| client.credential = credential.clone())
}

fn behind_proxy(client: &mut Client) {
    client.host = Some(PUBLIC_HOST.to_owned());
    client.headers.push(("x-forwarded-for".to_owned(), ELSEWHERE.to_string()));
    if client.is_page {
        client.origin = Some(format!("https://{PUBLIC_HOST}"));
    }
}
