//! What 2026.4.2 changed.

use super::{
    Change, KnownRelease,
    Source::{Code, Issue, Note},
};
use crate::Release;
use crate::facts::pairing::EffectiveRoles;

/// 2026.4.2.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 4, 2),
    missing: None,
    changes: &[
        Change {
            what: "`localhost` with a trailing dot is a loopback host.",
            sources: &[Code("src/gateway/net.ts", "parseHostForAddressChecks")],
            apply: |facts| facts.locality.trailing_dots = true,
        },
        Change {
            what: "Local clients get a role upgrade without approval, as in a first pairing.",
            sources: &[
                Issue(59092),
                Issue(59555),
                Code("src/gateway/server/ws-connection/handshake-auth-helpers.ts", "shouldAllowSilentLocalPairing"),
            ],
            apply: |facts| facts.handshake.silent_role_upgrade = true,
        },
        Change {
            what: "The gateway checks a bootstrap token even if the shared secret is correct.",
            sources: &[Code("src/gateway/server/ws-connection/auth-context.ts", "resolveConnectAuthDecision")],
            apply: |facts| facts.handshake.bootstrap_precedes_secret = true,
        },
        Change {
            what: "`hello-ok` shows `configPath`, `stateDir` and `authMode` to administrators only.",
            sources: &[Code("src/gateway/server/health-state.ts", "buildGatewaySnapshot")],
            apply: |facts| facts.handshake.paths_for_admin_only = true,
        },
        Change {
            what: "A record with `tokens: {}` falls back to the roles that the record lists.",
            sources: &[
                Issue(59092),
                Issue(59555),
                Code("src/infra/device-pairing.ts", "listEffectivePairedDeviceRoles"),
            ],
            apply: |facts| facts.pairing.effective_roles = EffectiveRoles::ActiveTokensOrRecord,
        },
        Change {
            what: "The approval request for a command lists the decisions that it allows. `ask: always` does not \
                   accept `allow-always`.",
            sources: &[Code("src/gateway/server-methods/exec-approval.ts", "allowedDecisions")],
            apply: |facts| facts.rpc.decisions_bounded = true,
        },
        Change {
            what: "A bundled plugin provides the browser method, and `hello-ok` lists it.",
            sources: &[Note("hello-ok.features.methods")],
            apply: |facts| facts.rpc.methods.change("@chat.send browser.request:w"),
        },
    ],
};
