//! Determines the connections and approvals that create the store of a case.

use crate::scenario::connect::{Client, Connect, Via};
use crate::scenario::spans::Name;
use crate::scenario::store::{PairedRecord, PendingRecord, RecordClient, Store, TokenRecord, Tokens};
use crate::scenario::{Case, Need, StepKind};
use openclaw_model::pairing::expanded_scopes;
use std::collections::BTreeSet;

/// The role whose scopes are the scopes of the record.
const OPERATOR: &str = "operator";

/// The actions that create the records of a store, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Recipe {
    /// The paired devices.
    pub(super) paired: Vec<PairedDevice>,
    /// The devices that ask for approval and get none.
    pub(super) pending: Vec<PendingDevice>,
}

/// A device that is paired in one or more roles.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PairedDevice {
    pub(super) device: Name,
    pub(super) roles: Vec<RoleSetup>,
}

/// A role of a device, with its token.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RoleSetup {
    pub(super) role: String,
    pub(super) connect: Connect,
    /// The changes to the token after the pairing.
    pub(super) rotated: bool,
    pub(super) used: bool,
    pub(super) revoked: bool,
}

/// A device that asks for approval.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PendingDevice {
    pub(super) device: Name,
    pub(super) connect: Connect,
}

impl Recipe {
    /// Whether there is nothing to create.
    pub(crate) fn is_empty(&self) -> bool {
        self.paired.is_empty() && self.pending.is_empty()
    }

    /// Every scope that a device gets, each once.
    pub(super) fn scopes(&self) -> BTreeSet<&str> {
        let paired = self.paired.iter().flat_map(|device| &device.roles).map(|role| &role.connect);
        let connects = paired.chain(self.pending.iter().map(|request| &request.connect));
        connects.flat_map(|connect| connect.scopes.iter().flatten()).map(String::as_str).collect()
    }
}

/// The recipe for the store of a case.
///
/// # Errors
/// What no connection or approval creates, as a noun phrase without the names of the case.
pub(crate) fn recipe(case: &Case) -> Result<Recipe, &'static str> {
    let scenario = &case.scenario;
    if scenario.written_by.is_some() {
        return Err("a store that another release has written");
    }
    if scenario.other_store.is_some() {
        return Err("a second state directory");
    }
    if scenario.needs.contains(&Need::WritableStore)
        || scenario.all_steps().any(|step| matches!(step.kind, StepKind::Edit(_)))
    {
        return Err("a change of the state directory while the gateway runs");
    }
    let store = &scenario.store;
    if *store == Store::default() {
        return Ok(Recipe::default());
    }
    if !scenario.starts_running() {
        return Err("a store before the first start of the gateway");
    }
    whole(store)?;
    let paired = store.paired.iter().map(|(name, record)| paired(name, record)).collect::<Result<_, _>>()?;
    let pending = store.pending.iter().map(|(label, record)| pending(label, record)).collect::<Result<_, _>>()?;
    Ok(Recipe { paired, pending })
}

/// Checks the parts of a store that are not records of devices.
fn whole(store: &Store) -> Result<(), &'static str> {
    let parts = [
        (store.from.is_some() || store.identity.is_some(), "a copied state directory"),
        (!store.files.is_empty(), "files with other contents"),
        (store.kept_as.is_some(), "a store in another format"),
        (!store.copied_pending.is_empty(), "a pending request among the paired devices"),
        (!store.bootstrap.is_empty(), "bootstrap tokens"),
        (!store.nodes.paired.is_empty() || !store.nodes.pending.is_empty(), "records of nodes"),
    ];
    first(&parts)
}

fn first(parts: &[(bool, &'static str)]) -> Result<(), &'static str> {
    parts.iter().find(|(present, _)| *present).map_or(Ok(()), |(_, what)| Err(*what))
}

fn paired(name: &Name, record: &PairedRecord) -> Result<PairedDevice, &'static str> {
    let scopes = record.scopes.clone().unwrap_or_default();
    first(&[
        (!record.without.is_empty(), "a record without some of its fields"),
        (!record.set.is_empty(), "a record with other fields"),
        (record.key.is_some() || record.key_form.is_some(), "a record with another key"),
        (record.age.is_some(), "a record of another time"),
        (record.remote_ip.is_some(), "a record with an address"),
        (
            record.approved_scopes.as_ref().is_some_and(|approved| *approved != scopes),
            "a record with other approved scopes",
        ),
    ])?;
    let last =
        record.role.as_deref().or_else(|| record.roles.as_ref()?.first().map(String::as_str)).unwrap_or(OPERATOR);
    let all = record.roles.clone().unwrap_or_else(|| vec![last.to_owned()]);
    if !all.iter().any(|role| role == last) {
        return Err("a record whose role is not one of its roles");
    }
    let plain = TokenRecord::default();
    let mut roles = Vec::new();
    for role in &all {
        let token = token(record, role, &scopes)?.unwrap_or(&plain);
        let scopes = (role == OPERATOR).then(|| scopes.clone());
        let client = client(&record.client, [&record.platform, &record.device_family, &record.display_name]);
        let connect = connect(name, role, scopes, client, Via::Direct);
        let TokenRecord { rotated, used, revoked, .. } = *token;
        roles.push(RoleSetup { role: role.clone(), connect, rotated, used, revoked });
    }
    if let Tokens::Map(tokens) = &record.tokens
        && tokens.keys().any(|role| !all.contains(role))
    {
        return Err("a token for a role that the record does not have");
    }
    Ok(PairedDevice { device: name.clone(), roles })
}

/// The token of a role. `None` stands for the token that every pairing issues.
fn token<'r>(record: &'r PairedRecord, role: &str, scopes: &[String]) -> Result<Option<&'r TokenRecord>, &'static str> {
    let tokens = match &record.tokens {
        Tokens::Minted => return Ok(None),
        Tokens::Null => return Err("a record without tokens"),
        Tokens::Map(tokens) if tokens.is_empty() => return Err("a record without tokens"),
        Tokens::Map(tokens) => tokens,
    };
    let token = tokens.get(role).ok_or("a role without a token")?.as_ref().ok_or("a token that is null")?;
    let sorted = |scopes: &[String]| scopes.iter().cloned().collect::<BTreeSet<_>>();
    let usual = match &token.scopes {
        None => true,
        Some(listed) if role == OPERATOR => {
            sorted(listed) == sorted(scopes) || sorted(listed) == sorted(&expanded_scopes(scopes))
        }
        Some(listed) => listed.is_empty(),
    };
    first(&[
        (!token.without.is_empty(), "a token without some of its fields"),
        (!token.set.is_empty(), "a token with other fields"),
        (token.role.as_ref().is_some_and(|other| other != role), "a token of another role"),
        (!usual, "a token with other scopes than the record"),
    ])?;
    Ok(Some(token))
}

fn pending(label: &Name, record: &PendingRecord) -> Result<PendingDevice, &'static str> {
    first(&[
        (!record.without.is_empty(), "a pending request without some of its fields"),
        (!record.set.is_empty(), "a pending request with other fields"),
        (record.key.is_some(), "a pending request with another key"),
        (record.age.is_some(), "a pending request of another time"),
        (record.remote_ip.is_some(), "a pending request with an address"),
        (record.filed_under.is_some(), "a pending request under another key"),
        (record.silent == Some(true), "a pending request that the gateway intended to approve"),
        (record.roles.as_ref().is_some_and(|roles| roles.len() > 1), "a pending request for several roles"),
    ])?;
    let role =
        record.role.as_deref().or_else(|| record.roles.as_ref()?.first().map(String::as_str)).unwrap_or(OPERATOR);
    let device = record.device.clone().unwrap_or_else(|| label.clone());
    let client = client(&record.client, [&record.platform, &record.device_family, &record.display_name]);
    // The gateway approves a direct connection at once.
    let connect = connect(&device, role, record.scopes.clone(), client, Via::Nginx);
    Ok(PendingDevice { device, connect })
}

fn client(client: &RecordClient, [platform, device_family, display_name]: [&Option<String>; 3]) -> Client {
    Client {
        id: client.id.clone(),
        mode: client.mode.clone(),
        platform: platform.clone(),
        device_family: device_family.clone(),
        display_name: display_name.clone(),
        ..Client::default()
    }
}

fn connect(device: &Name, role: &str, scopes: Option<Vec<String>>, client: Client, via: Via) -> Connect {
    Connect { role: Some(role.to_owned()), scopes, client, via, ..Connect::of(device.clone()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Corpus, Filter};
    use rstest::rstest;
    use std::path::Path;

    fn recipe_of(scenario: &str) -> Result<Recipe, &'static str> {
        let text = format!("scenario: A case\n{scenario}");
        let corpus = Corpus::written(Path::new("family/case.yaml"), &text).unwrap();
        recipe(corpus.select(&[] as &[Filter])[0])
    }

    const CONNECT: &str = "steps:\n  - connect: { device: laptop }\n";

    #[test]
    fn one_connect_per_role() {
        let store = "store: { paired: { laptop: { roles: [operator, node], scopes: [operator.read], platform: darwin, \
                     tokens: { operator: { revoked: true }, node: { scopes: [], rotated: true } } } } }\n";
        let recipe = recipe_of(&format!("{store}{CONNECT}")).unwrap();
        let [device] = recipe.paired.as_slice() else { panic!("{recipe:?}") };
        let [operator, node] = device.roles.as_slice() else { panic!("{device:?}") };
        assert_eq!(operator.connect.scopes, Some(vec!["operator.read".to_owned()]));
        assert_eq!((node.connect.role.as_deref(), &node.connect.scopes), (Some("node"), &None));
        assert_eq!(node.connect.client.platform.as_deref(), Some("darwin"));
        assert_eq!([operator.revoked, operator.rotated, node.revoked, node.rotated], [true, false, false, true]);
        assert_eq!(recipe.scopes(), BTreeSet::from(["operator.read"]));
    }

    #[test]
    fn empty_store_needs_no_recipe() {
        assert!(recipe_of(CONNECT).unwrap().is_empty());
    }

    #[rstest]
    #[case::empty_tokens("paired: { laptop: { tokens: {} } }", "a record without tokens")]
    #[case::null_tokens("paired: { laptop: { tokens: null } }", "a record without tokens")]
    #[case::null_token("paired: { laptop: { tokens: { operator: null } } }", "a token that is null")]
    #[case::no_token("paired: { laptop: { roles: [operator, node], tokens: { node: {} } } }", "a role without a token")]
    #[case::no_role(
        "paired: { laptop: { tokens: { operator: {}, node: {} } } }",
        "a token for a role that the record does not have"
    )]
    #[case::wider(
        "paired: { laptop: { scopes: [operator.read], tokens: { operator: { scopes: [operator.admin] } } } }",
        "a token with other scopes than the record"
    )]
    #[case::field("paired: { laptop: { without: [scopes] } }", "a record without some of its fields")]
    #[case::age("paired: { laptop: { age: 2d } }", "a record of another time")]
    #[case::key("paired: { laptop: { key: phone } }", "a record with another key")]
    #[case::approved("paired: { laptop: { approved-scopes: [operator.read] } }", "a record with other approved scopes")]
    #[case::old_request("pending: { laptop: { age: 6m } }", "a pending request of another time")]
    #[case::silent("pending: { laptop: { silent: true } }", "a pending request that the gateway intended to approve")]
    #[case::damaged("files: { devices/paired.json: { text: x } }", "files with other contents")]
    #[case::copied("copied-pending: { laptop: {} }", "a pending request among the paired devices")]
    #[case::code("bootstrap: { code: {} }", "bootstrap tokens")]
    #[case::node("nodes: { paired: { laptop: {} } }", "records of nodes")]
    fn names_unsupported_records(#[case] store: &str, #[case] what: &str) {
        assert_eq!(recipe_of(&format!("store: {{ {store} }}\n{CONNECT}")), Err(what));
    }

    #[rstest]
    #[case::edited(
        "steps:\n  - connect: { device: laptop }\n  - edit: { paired: { laptop: {} } }\n",
        "a change of the state directory while the gateway runs"
    )]
    #[case::not_running(
        "store: { paired: { laptop: {} } }\nsteps:\n  - start: {}\n",
        "a store before the first start of the gateway"
    )]
    fn edit_steps_need_access(#[case] scenario: &str, #[case] what: &str) {
        assert_eq!(recipe_of(scenario), Err(what));
    }
}
