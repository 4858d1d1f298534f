//! What 2026.4.15 changed.

use super::{Change, KnownRelease, Source::Code};
use crate::Release;
use crate::facts::pairing::EffectiveRoles;
use crate::facts::rpc::MethodSet;

/// 2026.4.15.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 4, 15),
    missing: None,
    changes: &[
        Change {
            what: "Operators also get their own canvas URL, which contains a capability.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "mintCanvasCapabilityToken")],
            apply: |facts| facts.handshake.canvas_capability_for_all = true,
        },
        Change {
            what: "A device has a role only through an active token. A record with `tokens: {}` or without `tokens` \
                   has no role again.",
            sources: &[Code("src/infra/device-pairing.ts", "listEffectivePairedDeviceRoles")],
            apply: |facts| facts.pairing.effective_roles = EffectiveRoles::ActiveTokensOnly,
        },
        Change {
            what: "A repeated request keeps the time of the first request, so repeating a request does not extend its \
                   lifetime.",
            sources: &[Code("src/infra/device-pairing.ts", "refreshPendingDevicePairingRequest")],
            apply: |facts| facts.pairing.repeat_keeps_time = true,
        },
        Change {
            what: "Nobody can approve a request with a scope that belongs to none of its roles. The refusal states \
                   this reason.",
            sources: &[Code(
                "src/infra/device-pairing.ts",
                "approveDevicePairing, formatDevicePairingForbiddenMessage",
            )],
            apply: |facts| facts.pairing.scopes_within_roles = true,
        },
        Change {
            what: "A successful connect writes the client's name, client data and address to the record, but no longer \
                   its role and scopes.",
            sources: &[Code("src/infra/device-pairing.ts", "updatePairedDeviceMetadata")],
            apply: |facts| facts.pairing.connect_leaves_access = true,
        },
        Change {
            what: "Adds `commands.list`, `models.authStatus`, `message.action` and the repair of the dream diary.",
            sources: &[Code("src/gateway/server-methods-list.ts", ""), Code("src/gateway/method-scopes.ts", "")],
            apply: |facts| facts.rpc.methods = MethodSet::V2026_4_15,
        },
        Change {
            what: "Adds the configuration keys `gateway.controlUi.embedSandbox` and \
                   `gateway.controlUi.allowExternalEmbedUrls`.",
            sources: &[Code("src/config/zod-schema.ts", "OpenClawSchema")],
            apply: |facts| {
                facts.config.know(["gateway.controlUi.embedSandbox", "gateway.controlUi.allowExternalEmbedUrls"])
            },
        },
    ],
};
