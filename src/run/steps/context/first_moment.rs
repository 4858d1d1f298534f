//! Where the clock of a case starts.

use crate::gateway::{Gateway, GatewayKind};
use crate::machine::now;

/// The start of the embedded gateway's clock. It is a fixed day, so a case is the same every time.
const EMBEDDED_START: i64 = 1_775_000_000_000;

/// The time of the gateway's clock before it is started.
pub(crate) fn first_moment(gateway: &Gateway) -> i64 {
    match gateway.profile().kind {
        GatewayKind::Embedded => EMBEDDED_START,
        GatewayKind::Spawned | GatewayKind::Attached => now(),
    }
}
