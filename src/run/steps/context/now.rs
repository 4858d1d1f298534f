//! The current time, before and while a gateway runs.

use crate::gateway::{Gateway, Kind};

/// The start of the embedded gateway's clock. It is a fixed day, so a case is the same every time.
const EMBEDDED_START: i64 = 1_775_000_000_000;

/// The time of the gateway's clock before it is started.
pub(crate) fn first_moment(gateway: &Gateway) -> i64 {
    match gateway.profile().kind {
        Kind::Embedded => EMBEDDED_START,
        Kind::Spawned | Kind::Attached => real_now(),
    }
}

pub(super) fn real_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
