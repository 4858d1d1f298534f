//! What changed when in the handshake, up to 2026.4.15.

use super::rules::{
    BackendPairing, BootstrapPairing, OriginForm, ProofForm, RefusalDetails, ScopeUpgrade, UnboundScopes,
};
use crate::Change;
use crate::schema::frames::ConnectForm;
use crate::versions::{
    V2026_2_19, V2026_2_26, V2026_3_13, V2026_3_28, V2026_3_31, V2026_4_1, V2026_4_2, V2026_4_5, V2026_4_8, V2026_4_15,
};

/// What changed in the handshake up to 2026.4.15, oldest first.
pub const CHANGES: &[Change] = &[
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "A device's proof needs the nonce, may be v3 and may be two minutes off; before, a local client could leave \
               the nonce out with a v1 proof, and ten minutes were allowed.",
        sources: &["#22062", "#23125", "message-handler.ts", "device-auth.ts"],
        apply: |rules| {
            rules.handshake.connect_form = ConnectForm::V2026_2_26;
            rules.handshake.proof_form = ProofForm::V2026_2_26;
        },
    },
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "`auth.deviceToken` is known, secrets are trimmed, and a reverse proxy's word is as good as the secret.",
        sources: &["auth-context.ts resolveConnectAuthState"],
        apply: |rules| rules.handshake.device_tokens_known = true,
    },
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "Refusals carry details: a code and a reason.",
        sources: &["connect-error-details.ts", "message-handler.ts"],
        apply: |rules| rules.handshake.details = RefusalDetails::V2026_2_26,
    },
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "Whoever sends an origin is asked for it, is counted by limits of its own and pairs silently only as the \
               Control UI or the chat; an origin that equals Host is allowed only by configuration.",
        sources: &["origin-check.ts", "message-handler.ts resolveHandshakeBrowserSecurityContext"],
        apply: |rules| {
            rules.handshake.origin_form = OriginForm::V2026_2_26;
            rules.handshake.browsers_limited = true;
            rules.handshake.browsers_ask = true;
        },
    },
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "A node needs a device even with the shared secret.",
        sources: &["role-policy.ts roleCanSkipDeviceIdentity"],
        apply: |rules| rules.handshake.nodes_need_device = true,
    },
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "allowInsecureAuth frees only the local Control UI from a device and from nothing else.",
        sources: &["connect-policy.ts"],
        apply: |rules| rules.handshake.insecure_auth_bounded = true,
    },
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "Without a device everybody with the gateway's secret keeps its scopes; before, only the Control UI with a flag.",
        sources: &["message-handler.ts clearUnboundScopes"],
        apply: |rules| rules.handshake.unbound_scopes = UnboundScopes::WithSecret,
    },
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "A device keeps the platform and the family it was paired with.",
        sources: &["message-handler.ts resolvePinnedClientMetadata"],
        apply: |rules| rules.handshake.pins_metadata = true,
    },
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "A scope upgrade is silent for local clients, and admin covers every operator scope.",
        sources: &["#22582", "#23708", "operator-scope-compat.ts", "message-handler.ts shouldAllowSilentLocalPairing"],
        apply: |rules| {
            rules.handshake.local_scope_upgrade = ScopeUpgrade::Silent;
            rules.handshake.scopes_imply = true;
            rules.pairing.scopes_cover = true;
        },
    },
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "hello-ok does not name the machine.",
        sources: &["message-handler.ts"],
        apply: |rules| rules.handshake.hello_names_host = false,
    },
    Change {
        seen: V2026_3_13,
        not_yet: V2026_2_26,
        what: "The handshake may take three seconds instead of ten, and a message before the welcome 64 KiB.",
        sources: &["#44089", "#44439", "server-constants.ts"],
        apply: |rules| {
            rules.handshake.timeout_ms = 3_000;
            rules.handshake.early_messages_limited = true;
        },
    },
    Change {
        seen: V2026_3_13,
        not_yet: V2026_2_26,
        what: "hello-ok and the presence list name the release; before, they said dev and unknown.",
        sources: &["version.ts resolveRuntimeServiceVersion"],
        apply: |rules| rules.handshake.names_release = true,
    },
    Change {
        seen: V2026_3_13,
        not_yet: V2026_2_26,
        what: "A missing secret does not count against the rate limit.",
        sources: &["auth.ts authorizeGatewayConnect"],
        apply: |rules| rules.handshake.missing_secret_forgiven = true,
    },
    Change {
        seen: V2026_3_13,
        not_yet: V2026_2_26,
        what: "`auth.bootstrapToken` is known.",
        sources: &["protocol/schema/frames.ts ConnectParamsSchema", "device-bootstrap.ts"],
        apply: |rules| rules.handshake.connect_form = ConnectForm::V2026_3_13,
    },
    Change {
        seen: V2026_3_13,
        not_yet: V2026_2_26,
        what: "A loopback origin is allowed where the client is local instead of where Host is loopback; `*` allows every \
               origin; whoever sends an origin is asked for it, behind a proxy too.",
        sources: &["origin-check.ts checkBrowserOrigin", "handshake-auth-helpers.ts"],
        apply: |rules| rules.handshake.origin_form = OriginForm::V2026_3_13,
    },
    Change {
        seen: V2026_3_13,
        not_yet: V2026_2_26,
        what: "Details name what is wrong with a device's proof or an origin, and what to do about wrong credentials.",
        sources: &["connect-error-details.ts", "handshake-auth-helpers.ts resolveUnauthorizedHandshakeContext"],
        apply: |rules| rules.handshake.details = RefusalDetails::V2026_3_13,
    },
    Change {
        seen: V2026_3_13,
        not_yet: V2026_2_26,
        what: "Where dangerouslyDisableDeviceAuth is set the Control UI needs no secret as an operator.",
        sources: &["connect-policy.ts evaluateMissingDeviceIdentity"],
        apply: |rules| rules.handshake.bypass_needs_no_secret = true,
    },
    Change {
        seen: V2026_3_13,
        not_yet: V2026_2_26,
        what: "Without a device only the Control UI keeps its scopes; before, everybody with the gateway's secret did.",
        sources: &["message-handler.ts clearUnboundScopes"],
        apply: |rules| rules.handshake.unbound_scopes = UnboundScopes::ControlUi,
    },
    Change {
        seen: V2026_3_13,
        not_yet: V2026_2_26,
        what: "A local backend client with the shared secret need not be paired.",
        sources: &["handshake-auth-helpers.ts shouldSkipBackendSelfPairing"],
        apply: |rules| rules.handshake.backend_pairing = BackendPairing::SkippedWithSecret,
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "The handshake may take ten seconds instead of three, and the sockets of one address that wait for their \
               connect are limited.",
        sources: &["handshake-timeouts.ts", "preauth-connection-budget.ts"],
        apply: |rules| {
            rules.handshake.timeout_ms = 10_000;
            rules.handshake.waiting_limited = true;
        },
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "openclaw-tui is a client id; it counts as the Control UI does, except for its origin.",
        sources: &["protocol/client-info.ts GATEWAY_CLIENT_IDS"],
        apply: |rules| rules.handshake.connect_form = ConnectForm::Literals,
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "A scope upgrade is never silent; before, a local client got it at once.",
        sources: &["message-handler.ts requirePairing"],
        apply: |rules| rules.handshake.local_scope_upgrade = ScopeUpgrade::Asked,
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "A refusal for pairing names the request that is pending when it is given.",
        sources: &["message-handler.ts resolveLivePendingRequestId"],
        apply: |rules| rules.handshake.live_request_id = true,
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "A local backend client with the shared secret pairs like everyone.",
        sources: &["handshake-auth-helpers.ts shouldSkipBackendSelfPairing"],
        apply: |rules| rules.handshake.backend_pairing = BackendPairing::Needed,
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "The Control UI need not be paired where auth mode is none.",
        sources: &["connect-policy.ts shouldSkipControlUiPairing"],
        apply: |rules| rules.handshake.control_ui_skips_without_auth = true,
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "The Control UI without a device loses its scopes unless dangerouslyDisableDeviceAuth is set, or \
               allowInsecureAuth and it is local; who a reverse proxy vouched for keeps them without a device.",
        sources: &["message-handler.ts handleMissingDeviceIdentity"],
        apply: |rules| rules.handshake.unbound_scopes = UnboundScopes::WithoutSecret,
    },
    Change {
        seen: V2026_3_31,
        not_yet: V2026_3_28,
        what: "A wrong shared secret counts against the rate limit even beside a device token; a right device token \
               clears the count.",
        sources: &["auth-context.ts resolveConnectAuthState, resolveConnectAuthDecision"],
        apply: |rules| {
            rules.handshake.device_token_shields_secret = false;
            rules.handshake.device_token_clears_secret_failures = true;
        },
    },
    Change {
        seen: V2026_3_31,
        not_yet: V2026_3_28,
        what: "A reverse proxy on loopback cannot vouch for a user, and who is vouched for without a device loses its \
               scopes.",
        sources: &[
            "auth-*.js authorizeTrustedProxy",
            "connect-policy.ts shouldClearUnboundScopesForMissingDeviceIdentity",
        ],
        apply: |rules| {
            rules.handshake.loopback_proxy_cannot_vouch = true;
            rules.handshake.vouched_scopes_need_device = true;
        },
    },
    Change {
        seen: V2026_3_31,
        not_yet: V2026_3_28,
        what: "A new node with a bootstrap token and no scopes is paired at once, from anywhere, and the token is revoked.",
        sources: &["message-handler.ts requirePairing"],
        apply: |rules| rules.handshake.bootstrap_pairing = BootstrapPairing::Silent,
    },
    Change {
        seen: V2026_4_2,
        not_yet: V2026_4_1,
        what: "A role upgrade is silent for local clients, as a first pairing is.",
        sources: &["#59092", "#59555", "handshake-auth-helpers.ts shouldAllowSilentLocalPairing"],
        apply: |rules| rules.handshake.silent_role_upgrade = true,
    },
    Change {
        seen: V2026_4_2,
        not_yet: V2026_4_1,
        what: "A bootstrap token is looked at even where the shared secret is right.",
        sources: &["auth-context.ts resolveConnectAuthDecision"],
        apply: |rules| rules.handshake.bootstrap_beats_secret = true,
    },
    Change {
        seen: V2026_4_2,
        not_yet: V2026_4_1,
        what: "hello-ok shows configPath, stateDir and authMode to administrators only.",
        sources: &["health-state.ts buildGatewaySnapshot"],
        apply: |rules| rules.handshake.paths_for_admin_only = true,
    },
    Change {
        seen: V2026_4_5,
        not_yet: V2026_4_2,
        what: "A local backend client with the shared secret or a device token need not be paired; who need not be \
               paired is still held to a record if there is one.",
        sources: &["handshake-auth-helpers.ts shouldSkipLocalBackendSelfPairing", "message-handler.ts"],
        apply: |rules| {
            rules.handshake.backend_pairing = BackendPairing::SkippedWhenProven;
            rules.handshake.skipping_ignores_record = false;
        },
    },
    Change {
        seen: V2026_4_5,
        not_yet: V2026_4_2,
        what: "The CLI with the shared secret on a loopback peer with a private Host is local for pairing, whatever \
               Forwarded, X-Forwarded-Host and X-Forwarded-Proto say.",
        sources: &["handshake-auth-helpers.ts isCliContainerLocalEquivalent"],
        apply: |rules| rules.handshake.local_container_cli = true,
    },
    Change {
        seen: V2026_4_5,
        not_yet: V2026_4_2,
        what: "approvedScopes bound what a record may ask for before its scopes do.",
        sources: &["message-handler.ts"],
        apply: |rules| rules.handshake.approved_scopes_first = true,
    },
    Change {
        seen: V2026_4_5,
        not_yet: V2026_4_2,
        what: "A bootstrap token hands off: the node is paired with every role of the token's profile and hello-ok \
               carries a device token for each.",
        sources: &["message-handler.ts handoffBootstrapProfile"],
        apply: |rules| rules.handshake.bootstrap_pairing = BootstrapPairing::HandOff,
    },
    Change {
        seen: V2026_4_5,
        not_yet: V2026_4_2,
        what: "Browser clients on loopback have a rate limit for each origin, and a locked out shared secret does not \
               lock out device tokens.",
        sources: &["handshake-auth-helpers.ts resolveBrowserOriginRateLimitKey", "auth-context.ts"],
        apply: |rules| {
            rules.handshake.browser_limit_per_origin = true;
            rules.handshake.secret_lockout_blocks_device_token = false;
        },
    },
    Change {
        seen: V2026_4_8,
        not_yet: V2026_4_5,
        what: "The Control UI in a browser with the shared secret is local for pairing from a private peer where Host \
               and Origin are loopback.",
        sources: &["handshake-auth-helpers.ts isControlUiBrowserContainerLocalEquivalent"],
        apply: |rules| rules.handshake.local_container_control_ui = true,
    },
    Change {
        seen: V2026_4_15,
        not_yet: V2026_4_8,
        what: "Operators, too, get a canvas URL of their own, with a capability in it.",
        sources: &["message-handler.ts mintCanvasCapabilityToken"],
        apply: |rules| rules.handshake.canvas_capability_for_all = true,
    },
];
