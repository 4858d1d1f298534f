//! What is assumed about a client, in words.

use super::{Assumption, Client, PUBLIC_HOST};
use untrusted_data::printable;

impl Client {
    /// Adds or removes an assumption.
    pub(crate) fn assume(&mut self, assumption: Assumption, is_assumed: bool) {
        self.assumed.retain(|known| *known != assumption);
        self.assumed.extend(is_assumed.then_some(assumption));
    }

    /// What is assumed about the client, with the options that specify it.
    pub(crate) fn assumptions(&self) -> Vec<String> {
        // What is assumed about a device does not matter if the client sends none.
        let is_about_device = |assumed: &&Assumption| {
            matches!(assumed, Assumption::Device | Assumption::NewDevice | Assumption::Proof | Assumption::Platform)
        };
        let sends_none = self.who.id().is_none();
        let words = |assumed: &Assumption| match assumed {
            Assumption::Device => {
                let id = self.who.id().unwrap_or_default();
                format!("the device is {} (--device)", printable::line(&id).chars().take(12).collect::<String>())
            }
            Assumption::NewDevice => "the device is new (--device)".to_owned(),
            Assumption::OmitsDevice => {
                "in this release, the client sends no device to this gateway (--device)".to_owned()
            }
            Assumption::Client => format!("the client is {} (--as)", self.what),
            Assumption::Credential => format!("the client sends {} (--auth)", self.credential_words()),
            Assumption::Platform => format!("the platform is {} (--platform)", printable::line(&self.platform)),
            Assumption::InsecurePage => "the page has no device, because browsers give none to a page over plain http \
                from another machine (--device)"
                .to_owned(),
            Assumption::Peer if self.peer.to_canonical().is_loopback() => {
                "the client runs on the gateway's machine (--peer, --via)".to_owned()
            }
            Assumption::Peer => format!("the client runs on another machine, {} (--peer, --via)", self.peer),
            Assumption::Host => host_words(self.host.as_deref()),
            Assumption::Headers => {
                let is_assumed = |(name, _): &&(String, String)| self.assumed_headers.contains(name);
                let header = |(name, value): &(String, String)| format!("{name}: {value}");
                let headers = self.headers.iter().filter(is_assumed).map(header).collect::<Vec<_>>().join(", ");
                format!("the proxy adds {} (--header)", printable::line(&headers))
            }
            Assumption::TokenScopes => "the app requests the scopes of its device token (--scopes)".to_owned(),
            Assumption::Scopes => "the command needs all its default scopes (--scopes)".to_owned(),
            Assumption::Proof => "the client has the private key of the device".to_owned(),
        };
        self.assumed.iter().filter(|assumed| !(sends_none && is_about_device(assumed))).map(words).collect()
    }
}

/// The assumption about the host. Without a name, the page is on the machine `gateway`.
fn host_words(host: Option<&str>) -> String {
    match host {
        None => "the host is gateway (--host)".to_owned(),
        Some(PUBLIC_HOST) => format!("the host is {PUBLIC_HOST} (--host)"),
        Some(host) => format!("the host is {}, from gateway.controlUi.allowedOrigins (--host)", printable::line(host)),
    }
}
