//! Determines which clients count as local for pairing, and what they get without approval (`message-handler.ts`,
//! `handshake-auth-helpers.ts`).

use super::PairingCheck;
use crate::facts::handshake::ScopeUpgrade;
use crate::handshake::HandshakeRules;
use crate::handshake::auth::verdict::AuthMethod;
use crate::handshake::pairing::refusals::ApprovalReason;
use crate::model::Model;
use crate::origin::Origin;
use crate::trace::{Check, fact};
use crate::{LocalityRules, Outcome, address};
use openclaw_protocol::client::{self, mode};

impl PairingCheck<'_> {
    /// Whether a local client gets this upgrade without approval.
    pub(super) fn silent_locally(
        &self,
        upgrade: ApprovalReason,
        bound: bool,
        model: &Model,
        outcome: &mut Outcome,
    ) -> bool {
        let rules = &model.rules.handshake;
        let (local, why) = self.pairing_locality(rules, &model.rules.locality);
        let browser = rules.browsers_ask
            && self.attempt.origin.is_some()
            && !self.attempt.is_operator_ui()
            && !self.attempt.is_webchat();
        let can_be_switched_off =
            rules.local_scope_upgrade == ScopeUpgrade::BySecret && upgrade != ApprovalReason::Metadata;
        let switched_off = can_be_switched_off && !model.config.auto_approve_local;
        let kind = !bound && !switched_off && self.is_silent_kind(rules, upgrade);
        let verdict = match (local, browser, kind) {
            (false, ..) => "an approval is required",
            (true, true, _) => {
                "an approval is required, because the client is a browser, but not the Control UI or the chat"
            }
            (true, false, false) => {
                "an approval is required, because this release does not approve the request automatically"
            }
            (true, false, true) => "can be approved automatically",
        };
        let fact = match upgrade {
            _ if !local => fact!(locality.host_and_trusted_proxies_count),
            _ if bound => fact!(handshake.silent_for_operators_only),
            ApprovalReason::NotPaired => fact!(handshake.browsers_ask),
            ApprovalReason::Role => fact!(handshake.silent_role_upgrade),
            ApprovalReason::Metadata => fact!(handshake.silent_native_metadata),
            ApprovalReason::Scope => fact!(handshake.local_scope_upgrade),
        };
        let why = format!("{}; {why}; {verdict}", upgrade.reason());
        outcome.trace_line_of(Check::Pairing, fact, why);
        local && !browser && kind
    }

    /// Whether this is a new node from a network in `gateway.nodes.pairing.autoApproveCidrs`. An address that a proxy
    /// on loopback reports does not count (`node-pairing-auto-approve.ts`).
    pub(super) fn is_listed_node(
        &self,
        upgrade: ApprovalReason,
        known: bool,
        model: &Model,
        outcome: &mut Outcome,
    ) -> bool {
        let attempt = &self.attempt;
        let is_new_node =
            !known && upgrade == ApprovalReason::NotPaired && attempt.role == "node" && attempt.scopes.is_empty();
        let browser = attempt.origin.is_some() || attempt.is_operator_ui() || attempt.is_webchat();
        let proxied = attempt.locality.has_proxy_headers && address::is_loopback(attempt.peer.address);
        let ip = attempt.locality.reported_ip.as_deref().and_then(address::parse);
        let listed = model.rules.handshake.lists_networks
            && is_new_node
            && !browser
            && !proxied
            && ip.is_some_and(|ip| address::is_listed(ip, &model.config.auto_approve_cidrs));
        if listed {
            let why = "gateway.nodes.pairing.autoApproveCidrs names its network";
            outcome.trace_line_of(Check::Pairing, fact!(handshake.lists_networks), why);
        }
        listed
    }

    /// Whether this release gives a local client this upgrade without approval.
    fn is_silent_kind(&self, rules: &HandshakeRules, upgrade: ApprovalReason) -> bool {
        match upgrade {
            ApprovalReason::NotPaired => true,
            ApprovalReason::Role => rules.silent_role_upgrade,
            ApprovalReason::Metadata => rules.silent_native_metadata && self.is_local_native_app(),
            ApprovalReason::Scope => match rules.local_scope_upgrade {
                ScopeUpgrade::Asked => false,
                ScopeUpgrade::Silent => true,
                ScopeUpgrade::BySecret => {
                    matches!(self.auth_result.method, AuthMethod::None | AuthMethod::Token | AuthMethod::Password)
                }
            },
        }
    }

    /// Whether the client is an app for macOS, iOS or Android on this host, not a browser.
    fn is_local_native_app(&self) -> bool {
        let client = self.attempt.client();
        client.mode == mode::UI
            && client::NATIVE_APPS.contains(&client.id.as_str())
            && self.attempt.locality.direct
            && self.attempt.origin.is_none()
    }

    /// Whether the client counts as local for pairing, and why.
    fn pairing_locality(&self, rules: &HandshakeRules, locality_rules: &LocalityRules) -> (bool, String) {
        let locality = &self.attempt.locality;
        let trusted = self.auth_result.has_matching_secret() && !locality.has_proxy_headers;
        let host = address::host_name(self.attempt.host().unwrap_or_default());
        let dots = locality_rules.trailing_dots;
        let why = if locality.direct {
            return (true, locality.reason.clone());
        } else if rules.local_container_control_ui && trusted && self.is_contained_control_ui(&host, dots) {
            "the Control UI with the secret is local from a private peer with a loopback Host"
        } else if rules.local_container_cli && trusted && self.is_contained_cli(&host, dots) {
            "the CLI with the secret is local on a loopback peer with a private Host"
        } else {
            return (false, locality.reason.clone());
        };
        (true, why.to_owned())
    }

    /// Whether the client is a Control UI page on this host whose connection comes through a container's network.
    fn is_contained_control_ui(&self, host: &str, trailing_dots: bool) -> bool {
        let origin = self.attempt.origin.as_deref().and_then(Origin::parse);
        let ours = |host: &str| address::is_loopback_host(host, trailing_dots);
        self.attempt.is_control_ui()
            && self.attempt.client().mode == mode::WEBCHAT
            && address::is_private_or_loopback(self.attempt.peer.address)
            && ours(host)
            && origin.is_some_and(|origin| ours(&origin.hostname))
    }

    /// Whether the client is the CLI inside the gateway's own container.
    fn is_contained_cli(&self, host: &str, trailing_dots: bool) -> bool {
        let client = self.attempt.client();
        (client.id.as_str(), client.mode.as_str()) == (client::CLI, mode::CLI)
            && self.attempt.origin.is_none()
            && address::is_loopback(self.attempt.peer.address)
            && address::is_private_or_loopback_host(host, trailing_dots)
    }
}
