//! The values from which the questions build their connects.

use super::connect::{Connect, FollowUp};
use super::settings::{ProofSecret, Secret, Settings};
use crate::client::connect::ClientInfo;
use crate::client::connect::{Auth, Device, SentNonce};
use crate::client::{ConnectRequest, Upgrade};
use crate::gateway::Running;
use openclaw_protocol::identity::DeviceKey;
use openclaw_protocol::proof::ProofVersion;
use std::cell::OnceCell;

/// The protocol versions that the questions offer, unless they ask about them.
const PROTOCOLS: (i64, i64) = (3, 4);
/// The scope that the questions request, unless they ask about scopes.
const SCOPE: &str = "operator.read";
/// A secret that no gateway has.
pub(super) const WRONG: &str = "clawcheck-probe-wrong-secret";

/// The values from which one probe builds its connects.
pub(crate) struct ProbeContext {
    /// The shared secret.
    pub(super) secret: Secret,
    /// Whether questions may leave records.
    pub(super) writes: bool,
    /// Whether proofs are sent with the secret.
    proof_secret: ProofSecret,
    /// The `Host` header of a plain client.
    pub(super) authority: String,
    /// The upgrade of a plain client.
    pub(super) upgrade: Upgrade,
    /// The token that the gateway issued to the device of the pairing questions.
    pub(super) device_token: OnceCell<String>,
    /// The newest version of a device's proof that the gateway accepted.
    pub(super) accepted_proof: OnceCell<ProofVersion>,
    /// Distinguishes the devices of this probe from those of an earlier one.
    run: String,
}

impl ProbeContext {
    pub(super) fn new(running: &Running, settings: &Settings) -> Self {
        let authority = running.link(None).map(|link| link.authority()).unwrap_or_default();
        // Without randomness, two probes use the same devices. A gateway without their records cannot detect this.
        let mut bytes = [0; 8];
        let _ = getrandom::fill(&mut bytes);
        Self {
            secret: settings.secret.clone(),
            writes: settings.writes,
            proof_secret: settings.proof_secret(),
            authority,
            upgrade: running.upgrade(),
            device_token: OnceCell::new(),
            accepted_proof: OnceCell::new(),
            run: u64::from_le_bytes(bytes).to_string(),
        }
    }

    /// A connect without a device, with the shared secret as far as it is known.
    pub(super) fn plain(&self) -> Connect {
        Connect {
            request: ConnectRequest {
                protocol: PROTOCOLS,
                role: Some("operator".to_owned()),
                scopes: Some(vec![SCOPE.to_owned()]),
                auth: self.secret.auth(),
                client: ClientInfo::default(),
                ..ConnectRequest::default()
            },
            upgrade: self.upgrade.clone(),
            then: FollowUp::Nothing,
        }
    }

    /// A connect without a device, with these secrets.
    pub(super) fn with_auth(&self, auth: Auth) -> Connect {
        let mut connect = self.plain();
        connect.request.auth = auth;
        connect
    }

    /// A connect with a new device. It has the shared secret only if it may leave a record. Without the secret, a
    /// gateway verifies the proof and then refuses.
    pub(super) fn proof(&self, name: &str, change: impl FnOnce(&mut Device)) -> Connect {
        let mut connect = self.plain();
        if self.proof_secret != ProofSecret::Sent {
            connect.request.auth = Auth::default();
        }
        let mut device = self.device(name);
        change(&mut device);
        connect.request.device = Some(device);
        connect
    }

    /// A device. The same name is the same device.
    pub(super) fn device(&self, name: &str) -> Device {
        Device::new(self.key(name))
    }

    /// A device with a proof of the newest version that the gateway accepted, as far as it is known.
    pub(super) fn accepted_device(&self, name: &str) -> Device {
        let version = self.accepted_proof.get().copied().unwrap_or(ProofVersion::V3);
        let nonce = if version == ProofVersion::V1 { SentNonce::Absent } else { SentNonce::default() };
        Device { version, nonce, ..self.device(name) }
    }

    /// The key of a device.
    pub(super) fn key(&self, name: &str) -> DeviceKey {
        DeviceKey::from_name(&format!("clawcheck probe {} {name}", self.run))
    }
}
