//! Whether a write failed because of the disk and not because of the path.

use std::io;

/// Whether the disk is full, or the part of it that this user may fill. The same command can then succeed later. After any
/// other error, the user must name another path or change its permissions.
pub fn is_full(error: io::ErrorKind) -> bool {
    matches!(error, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
