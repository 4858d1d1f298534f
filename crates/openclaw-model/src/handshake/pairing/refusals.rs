//! The refusals of connects that need approval (`connect-error-details.ts`).

use crate::handshake::refusal::Refusal;
use crate::pairing::{self, PairingRules, StoreError};
use openclaw_protocol::js::{self, Record};
use serde_json::Value;

/// Maximum length of a pending request's id in an answer.
const MAX_ID_LENGTH: usize = 128;

/// The reason why a device needs approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::handshake) enum ApprovalReason {
    NotPaired,
    Metadata,
    Role,
    Scope,
}

impl ApprovalReason {
    pub(in crate::handshake) fn reason(self) -> &'static str {
        match self {
            Self::NotPaired => "not-paired",
            Self::Metadata => "metadata-upgrade",
            Self::Role => "role-upgrade",
            Self::Scope => "scope-upgrade",
        }
    }

    /// The text of the message after `pairing required`.
    fn requirement(self) -> &'static str {
        match self {
            Self::NotPaired => "device is not approved yet",
            Self::Metadata => "device identity changed and must be re-approved",
            Self::Role => "device is asking for a higher role than currently approved",
            Self::Scope => "device is asking for more scopes than currently approved",
        }
    }

    fn remediation(self) -> &'static str {
        match self {
            Self::NotPaired => "Approve this device from the pending pairing requests.",
            Self::Metadata => "Review the refreshed device details, then approve the pending request.",
            Self::Role => "Review the requested role upgrade, then approve the pending request.",
            Self::Scope => "Review the requested scopes, then approve the pending upgrade.",
        }
    }
}

/// A pairing that is needed.
pub(in crate::handshake) struct PairingRequired<'a> {
    pub upgrade: ApprovalReason,
    /// The id of its pending request.
    pub request_id: Option<String>,
    pub device_id: &'a str,
    pub role: &'a str,
    pub scopes: &'a [String],
    /// The record of this device, if it is paired.
    pub record: Option<&'a Value>,
    /// Whether it is a new node with a bootstrap token that only has to wait for its approval.
    pub retry: bool,
}

impl PairingRequired<'_> {
    /// The refusal of the releases that only say that pairing is needed. The oldest ones do not say why.
    pub(in crate::handshake) fn plain(self, says_why: bool) -> Refusal {
        let mut details = Record::new();
        js::set(&mut details, "code", says_why.then_some("PAIRING_REQUIRED"));
        js::set(&mut details, "requestId", self.request_id);
        js::set(&mut details, "reason", says_why.then(|| self.upgrade.reason()));
        Refusal::not_paired("pairing required", Some(Value::Object(details)))
    }

    /// The refusal of releases that state the upgrade, the request and the approved access.
    ///
    /// With `advises`, it tells waiting nodes to wait and omits empty lists.
    ///
    /// # Errors
    ///
    /// Returns an error for an invalid record.
    pub(in crate::handshake) fn named(self, rules: &PairingRules, advises: bool) -> Result<Refusal, StoreError> {
        let request_id = self.request_id.filter(|id| is_plain_id(id));
        let message = format!("pairing required: {}", self.upgrade.requirement());
        let close = match &request_id {
            Some(id) => format!("{message} (requestId: {id})"),
            None => message.clone(),
        };
        let roles = self.record.map(|record| pairing::approved_roles(rules, record)).transpose()?.unwrap_or_default();
        let scopes = self.record.and_then(|record| {
            ["approvedScopes", "scopes"].into_iter().find_map(|key| record.get(key).and_then(Value::as_array))
        });
        let mut details = Record::new();
        js::set(&mut details, "code", Some("PAIRING_REQUIRED"));
        js::set(&mut details, "reason", Some(self.upgrade.reason()));
        js::set(&mut details, "requestId", request_id);
        js::set(&mut details, "remediationHint", Some(self.upgrade.remediation()));
        if advises && self.retry {
            js::set(&mut details, "recommendedNextStep", Some("wait_then_retry"));
            js::set(&mut details, "retryable", Some(true));
            js::set(&mut details, "pauseReconnect", Some(false));
        }
        js::set(&mut details, "deviceId", Some(self.device_id));
        js::set(&mut details, "requestedRole", Some(self.role));
        let texts = |list: &[String]| list.iter().filter_map(trimmed).collect::<Vec<_>>();
        let requested = texts(self.scopes);
        js::set(&mut details, "requestedScopes", Some(requested).filter(|list| !advises || !list.is_empty()));
        js::set(&mut details, "approvedRoles", Some(roles).filter(|roles| !roles.is_empty()));
        let scopes = scopes.filter(|scopes| !scopes.is_empty());
        let scopes = scopes.map(|list| {
            let mut scopes: Vec<String> = list.iter().filter_map(Value::as_str).filter_map(trimmed).collect();
            if advises {
                scopes.sort();
                scopes.dedup();
            }
            scopes
        });
        js::set(&mut details, "approvedScopes", scopes);
        Ok(Refusal::not_paired(&message, Some(Value::Object(details))).closing_because(&close))
    }
}

fn trimmed(text: impl AsRef<str>) -> Option<String> {
    let text = js::trim(text.as_ref());
    (!text.is_empty()).then(|| text.to_owned())
}

/// Whether an answer can contain this id: letters, digits and `._:-`, starting with a letter or a digit.
fn is_plain_id(id: &str) -> bool {
    let id = js::trim(id);
    id.len() <= MAX_ID_LENGTH
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || "._:-".contains(c))
}
