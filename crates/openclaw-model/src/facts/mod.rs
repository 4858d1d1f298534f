//! Differences between the releases, by area, as plain data. `oldest()` describes 2026.2.19, and [`super::releases`]
//! lists the changes of each later release.

pub(super) mod capabilities;
pub mod client;
pub mod config;
pub mod handshake;
pub mod locality;
pub mod nodes;
pub mod pairing;
pub mod platforms;
pub mod presence;
pub mod program;
pub mod rpc;
pub mod seed;

use super::release::Release;
use client::ClientFacts;
use config::ConfigFacts;
use handshake::HandshakeRules;
use locality::LocalityRules;
use nodes::NodeRules;
use pairing::PairingRules;
use program::ProgramFacts;
use rpc::RpcRules;
use seed::SeedFacts;

/// The behaviour of one release: the facts of the oldest release with every change up to this release applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The requested release. Its facts are those of the newest known release at or before it.
    pub release: Release,
    /// The values that its own client offers.
    pub client: ClientFacts,
    /// The meaning of its configuration.
    pub config: ConfigFacts,
    /// The conditions for a local connection.
    pub locality: LocalityRules,
    /// The checks between the upgrade and `hello-ok`, and `hello-ok` itself.
    pub handshake: HandshakeRules,
    /// The device store.
    pub pairing: PairingRules,
    /// The node store.
    pub nodes: NodeRules,
    /// Calls after `hello-ok`.
    pub rpc: RpcRules,
    /// The behaviour of its program as a process.
    pub program: ProgramFacts,
    /// The values that its own commands write to the store.
    pub seed: SeedFacts,
}

impl Facts {
    /// The facts of 2026.2.19, for the given release.
    pub(super) fn oldest(release: Release) -> Self {
        Self {
            release,
            client: ClientFacts::oldest(),
            config: ConfigFacts::oldest(),
            locality: LocalityRules::oldest(),
            handshake: HandshakeRules::oldest(),
            pairing: PairingRules::oldest(),
            nodes: NodeRules::oldest(),
            rpc: RpcRules::oldest(),
            program: ProgramFacts::oldest(),
            seed: SeedFacts::oldest(),
        }
    }
}
