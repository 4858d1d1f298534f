//! The profile of a bootstrap token: roles, scopes and purpose.

use crate::pairing::{PairingRules, StoreError, normalise_scopes, normalised_scopes, role_scoped, scopes_allow};
use openclaw_protocol::js;
use serde_json::{Value, json};

/// The operator scopes that a bootstrap token can hand off.
const HANDOFF_SCOPES: [&str; 4] = ["operator.approvals", "operator.read", "operator.talk.secrets", "operator.write"];

/// The operator scopes that a bootstrap token can hand off in releases with `operator.questions`.
const HANDOFF_SCOPES_WITH_QUESTIONS: [&str; 5] =
    ["operator.approvals", "operator.questions", "operator.read", "operator.talk.secrets", "operator.write"];

/// The scopes that a code for a phone with full access hands off (`MOBILE_FULL_ACCESS_OPERATOR_SCOPES`).
const FULL_SCOPES: [&str; 6] = [
    "operator.admin",
    "operator.approvals",
    "operator.questions",
    "operator.read",
    "operator.talk.secrets",
    "operator.write",
];
/// The scopes of the owner's Control UI (`CONTROL_UI_OWNER_BOOTSTRAP_OPERATOR_SCOPES`).
pub(super) const OWNER_SCOPES: [&str; 7] = [
    "operator.admin",
    "operator.approvals",
    "operator.pairing",
    "operator.questions",
    "operator.read",
    "operator.talk.secrets",
    "operator.write",
];
/// The scopes of a voice node (`VOICE_NODE_OPERATOR_SCOPE_SET`).
const VOICE_SCOPES: [&str; 2] = ["operator.read", "operator.talk"];

/// The purpose of a bootstrap token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The kind of code for the Control UI.
    ControlUi,
    /// The Control UI of the gateway's owner.
    ControlUiOwner,
    /// A phone with full access.
    MobileFull,
    /// A node that listens and speaks.
    VoiceNode,
    /// A node in a cloud.
    CloudWorker,
}

impl Purpose {
    const ALL: [(&'static str, Self); 5] = [
        ("control-ui", Self::ControlUi),
        ("control-ui-owner", Self::ControlUiOwner),
        ("mobile-full", Self::MobileFull),
        ("voice-node", Self::VoiceNode),
        ("cloud-worker", Self::CloudWorker),
    ];

    /// The names of all purposes.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().map(|(name, _)| name)
    }

    fn read(name: Option<&Value>) -> Option<Self> {
        let name = name.and_then(Value::as_str)?;
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, purpose)| purpose)
    }

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, purpose)| *purpose == self).map_or("", |(name, _)| name)
    }
}

/// The operator scopes that can be handed off for a purpose.
fn handoff_scope_list(rules: &PairingRules, purpose: Option<Purpose>) -> &'static [&'static str] {
    match purpose {
        Some(Purpose::ControlUiOwner) => &OWNER_SCOPES,
        Some(Purpose::MobileFull) => &FULL_SCOPES,
        Some(Purpose::VoiceNode) => &VOICE_SCOPES,
        _ if rules.bootstrap_asks_questions => &HANDOFF_SCOPES_WITH_QUESTIONS,
        _ => &HANDOFF_SCOPES,
    }
}

/// The roles and scopes of a bootstrap token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BootstrapProfile {
    /// The roles, sorted.
    pub roles: Vec<String>,
    /// The scopes, in the form of a token.
    pub scopes: Vec<String>,
    /// The purpose of the token.
    pub purpose: Option<Purpose>,
}

impl BootstrapProfile {
    /// The profile with trimmed, unique and sorted entries.
    #[must_use]
    pub fn normalised(mut self, rules: &PairingRules) -> Self {
        self.roles = self.roles.iter().map(|role| js::trim(role).to_owned()).filter(|r| !r.is_empty()).collect();
        self.roles.sort();
        self.roles.dedup();
        self.scopes = normalised_scopes(rules, &self.scopes);
        self
    }

    /// The scopes that a device token from this profile can have for a role.
    pub fn handoff_scopes(&self, rules: &PairingRules, role: &str) -> Vec<String> {
        handed_off_scopes(rules, role, &self.scopes, self.purpose)
    }

    /// The scopes that can be handed off for any of the profile's roles.
    pub fn all_handoff_scopes(&self, rules: &PairingRules, scopes: &[String]) -> Vec<String> {
        let handed =
            self.roles.iter().flat_map(|role| handed_off_scopes(rules, role, scopes, self.purpose)).collect::<Vec<_>>();
        normalised_scopes(rules, &handed)
    }

    /// Whether this is the profile of a setup code for the apps.
    pub fn is_setup_code(&self, rules: &PairingRules) -> bool {
        self.is(rules, &["node", "operator"], handoff_scope_list(rules, None), None)
            || self.is(rules, &["node", "operator"], &FULL_SCOPES, Some(Purpose::MobileFull))
    }

    /// Whether this is the profile of a setup code for a voice node.
    pub fn is_voice_node(&self, rules: &PairingRules) -> bool {
        self.is(rules, &["node", "operator"], &VOICE_SCOPES, Some(Purpose::VoiceNode))
    }

    /// Whether this is the profile of the link to the owner's Control UI, with exactly these scopes.
    pub fn is_owners_page(&self, rules: &PairingRules, requested: &[String]) -> bool {
        self.is(rules, &["operator"], &OWNER_SCOPES, Some(Purpose::ControlUiOwner))
            && normalised_scopes(rules, requested) == OWNER_SCOPES
    }

    /// Whether this is the profile of a link to a Control UI, with these scopes within it.
    pub fn is_page(&self, rules: &PairingRules, requested: &[String]) -> bool {
        let usual = handoff_scope_list(rules, None);
        self.purpose == Some(Purpose::ControlUi)
            && self.roles == ["operator"]
            && self.scopes.iter().all(|scope| usual.contains(&scope.as_str()))
            && scopes_allow(rules, "operator", requested, &self.scopes)
    }

    fn is(&self, rules: &PairingRules, roles: &[&str], scopes: &[&str], purpose: Option<Purpose>) -> bool {
        let profile = self.clone().normalised(rules);
        profile.roles == roles && profile.scopes == scopes && profile.purpose == purpose
    }

    /// Whether this is the profile of a setup code for a node without the operator role.
    pub fn is_node_alone(&self, rules: &PairingRules) -> bool {
        let worker = Some(Purpose::CloudWorker);
        rules.bootstrap_asks_questions
            && [None, worker].into_iter().any(|purpose| self.is(rules, &["node"], &[], purpose))
    }

    pub(super) fn read(rules: &PairingRules, record: Option<&Value>) -> Result<Self, StoreError> {
        let mut roles = Vec::new();
        if let Some(Value::Array(list)) = js::optional_property(record, "roles") {
            for role in list {
                roles.push(js::trimmed(Some(role), "role")?.to_owned());
            }
        }
        let scopes = js::optional_property(record, "scopes").filter(|scopes| js::truthy(Some(scopes)));
        let scopes = match scopes {
            Some(scopes) => {
                let spread = Value::Array(js::iterate(Some(scopes), "input.scopes")?);
                normalise_scopes(rules, Some(&spread))?
            }
            None => Vec::new(),
        };
        let purpose = js::optional_property(record, "purpose").filter(|_| rules.bootstrap_purposes);
        Ok(Self { roles, scopes, purpose: Purpose::read(purpose) }.normalised(rules))
    }

    pub(super) fn to_value(&self) -> Value {
        let mut value = json!({"roles": self.roles, "scopes": self.scopes});
        if let Some(purpose) = self.purpose {
            value["purpose"] = json!(purpose.name());
        }
        value
    }

    pub(super) fn allows(&self, rules: &PairingRules, role: &str, scopes: &[String]) -> bool {
        self.roles.iter().any(|have| have == role) && scopes_allow(rules, role, scopes, &self.scopes)
    }

    pub(super) fn satisfies(&self, rules: &PairingRules, required: &Self) -> bool {
        required.roles.iter().all(|role| {
            let scopes = match rules.bootstrap_hands_on_only {
                true => required.handoff_scopes(rules, role),
                false => role_scoped(role, required.scopes.clone()),
            };
            self.roles.contains(role) && (scopes.is_empty() || self.allows(rules, role, &scopes))
        })
    }
}

/// The scopes that a bootstrap token can hand off for a role.
pub(super) fn handed_off_scopes(
    rules: &PairingRules,
    role: &str,
    scopes: &[String],
    purpose: Option<Purpose>,
) -> Vec<String> {
    let mut scopes = if role == "operator" { normalised_scopes(rules, scopes) } else { Vec::new() };
    scopes.retain(|scope| handoff_scope_list(rules, purpose).contains(&scope.as_str()));
    scopes
}
