//! Errors of operations on a running gateway.

use std::net::IpAddr;

/// Why clawcheck cannot do something with a running gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// Only the embedded gateway can use another peer address.
    #[error("clawcheck cannot connect to this gateway from the address {0}")]
    PeerAddress(IpAddr),
    /// The gateway does not run.
    #[error("the gateway is not running")]
    Down,
    /// Only the embedded gateway's clock moves.
    #[error("clawcheck cannot move this gateway's clock")]
    Clock,
    /// clawcheck can stop only gateways that it started.
    #[error("clawcheck did not start this gateway and cannot stop it")]
    NotOurs,
}
