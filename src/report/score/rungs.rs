//! The ladder for authors of gateways: the recommended order of work, and the cases of each rung.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// A rung of the ladder.
#[derive(Debug)]
pub(crate) struct Rung {
    /// The abilities of a gateway on this rung.
    pub(crate) name: &'static str,
    /// The ids of the cases, as globs. A case belongs to the first rung that selects it.
    pub(crate) cases: &'static [&'static str],
}

/// The rungs, the lowest first. Built-in cases without a rung test details that no other rung depends on.
pub(crate) const RUNGS: &[Rung] = &[
    Rung {
        name: "completes the handshake",
        cases: &[
            "handshake/{after-hello,first-frame,params,path,protocol,second-connect,size,timeout}",
            "fresh-install/unsaid-role",
        ],
    },
    Rung {
        name: "refuses wrong secrets",
        cases: &[
            "fresh-install/{auth-password,auth-token,device-less,no-token}",
            "handshake/rate-limit",
            "proxied-loopback/wrong-token",
            "revoked-tokens/wrong-shared-token",
        ],
    },
    Rung { name: "verifies device proofs", cases: &["handshake/{proof,proof-first,proof-forms,replayed-nonce}"] },
    Rung {
        name: "remembers paired devices",
        cases: &[
            "fresh-install/{admin-then-narrow,clients,first-connect#*,granted-scopes,probe-then-admin}",
            "fresh-install/{auth-none#*,bootstrap#*,code-purpose#*,node-commands}",
            "metadata-upgrade/*",
            "proxied-loopback/{approve-heals,paired#*,proxied-then-direct,re-request,reject,retry}",
        ],
    },
    Rung {
        name: "enforces roles and scopes",
        // The second scenario also has wrong secrets and proofs, which the rungs below are about.
        cases: &["role-upgrade/*", "handshake/role", "scope-upgrade/*", "authority/*"],
    },
    Rung { name: "refuses revoked tokens", cases: &["revoked-tokens/*"] },
    Rung {
        name: "survives restarts and damage",
        cases: &["fresh-install/{kill,restart}", "empty-tokens/*", "migrated-state/*", "store-import/*"],
    },
];

/// The rungs with their globs.
#[derive(Debug)]
pub(crate) struct Ladder(Vec<GlobSet>);

impl Ladder {
    pub(crate) fn new() -> Self {
        Self(RUNGS.iter().map(|rung| globs(rung.cases)).collect())
    }

    /// The index of the rung that a case belongs to.
    pub(crate) fn rung(&self, id: &str) -> Option<usize> {
        self.0.iter().position(|rung| rung.is_match(id))
    }
}

/// A set of globs. The globs of the ladder are all valid, which a test ensures.
pub(crate) fn globs(all: &[&str]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    let globs = all.iter().filter_map(|glob| GlobBuilder::new(glob).literal_separator(true).build().ok());
    globs.for_each(|glob| _ = set.add(glob));
    set.build().unwrap_or_default()
}
