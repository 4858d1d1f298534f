//! How clawcheck reads and writes the pairing store of a gateway.

/// How clawcheck accesses the pairing store of a gateway.
#[derive(Debug, Clone)]
pub(in crate::gateway) enum StoreAccess {
    /// The store is in the state directory, in the layout of OpenClaw.
    StateDirectory,
    /// Not at all.
    None,
    /// Commands convert the store. At least one of them is there.
    Commands {
        /// Writes the store to `{store}`.
        read: Option<StoreCommand>,
        /// Replaces the store with the one in `{store}`.
        write: Option<StoreCommand>,
    },
}

/// One command of a description, with its place in the file.
#[derive(Debug, Clone)]
pub(crate) struct StoreCommand {
    /// The program and its arguments, with placeholders. Not empty.
    pub(crate) words: Vec<String>,
    /// The key in the description: `store.read` or `store.write`.
    pub(crate) key: &'static str,
    /// The file and the line.
    pub(crate) place: String,
}
