//! The command line client of the host, which a gateway with a generated token pairs at its start
//! (`gateway/startup-local-cli-pairing.ts`).

use super::{AccessMetadata, ApprovalKind, Approver, PairingRequest, PairingRules, StoreError, approve, list, request};
use crate::Entropy;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openclaw_protocol::identity;
use openclaw_protocol::store::Documents;

const NAME: &str = "OpenClaw CLI";

/// Pairs the client with `operator.admin`, unless a client with its name is already paired. The release identifies it
/// by its key, which is stored where the client can read it. Here, nobody has the key.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn pair_local_cli(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    entropy: &mut dyn Entropy,
    now: i64,
) -> Result<(), StoreError> {
    let known = list(rules, documents, now)?.paired;
    let is_own = |name: Option<&str>, client: Option<&str>| name == Some(NAME) && client == Some("cli");
    let text = |record: &serde_json::Value, key: &str| record.get(key).and_then(|it| it.as_str()).map(str::to_owned);
    if known.iter().any(|it| is_own(text(it, "displayName").as_deref(), text(it, "clientId").as_deref())) {
        return Ok(());
    }
    let key = entropy.token();
    let scopes = vec!["operator.admin".to_owned()];
    let of_cli = || Some("cli".to_owned());
    let requested = request(
        rules,
        documents,
        entropy,
        now,
        &PairingRequest {
            device_id: identity::device_id(&key),
            public_key: URL_SAFE_NO_PAD.encode(key),
            display_name: Some(NAME.to_owned()),
            platform: Some("linux".to_owned()),
            device_family: Some("Linux".to_owned()),
            client_id: of_cli(),
            client_mode: of_cli(),
            role: "operator".to_owned(),
            roles: Vec::new(),
            scopes: scopes.clone(),
            remote_ip: Some("127.0.0.1".to_owned()),
            silent: true,
        },
    )?;
    let metadata = AccessMetadata { reason: Some("runtime-token-startup"), ..AccessMetadata::default() };
    let by = Approver { kind: ApprovalKind::Silent, metadata: Some(&metadata), ..Approver::owner(&scopes) };
    match approve(rules, documents, entropy, now, &requested.request_id(), by)?.device() {
        Some(_) => Ok(()),
        None => Err(StoreError::Refused("its request was not approved")),
    }
}
