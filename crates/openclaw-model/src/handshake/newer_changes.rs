//! What changed when in the handshake, from 2026.5.7 on.

use super::rules::{BootstrapPairing, ScopeUpgrade};
use crate::schema::Wording;
use crate::schema::frames::ConnectForm;
use crate::versions::{V2026_4_15, V2026_5_7, V2026_6_11, V2026_7_35, V2026_9_6};
use crate::{Change, PresenceForm};

/// What changed in the handshake from 2026.5.7 on, oldest first.
pub const NEWER_CHANGES: &[Change] = &[
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "An unknown client id or mode is refused in other words.",
        sources: &["protocol/schema/primitives.ts GatewayClientIdSchema"],
        apply: |rules| rules.handshake.connect_form = ConnectForm::Enumerated,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "`gateway.auth.trustedProxy.allowLoopback` lets a reverse proxy on loopback vouch for a user.",
        sources: &["auth.ts authorizeTrustedProxy"],
        apply: |rules| rules.handshake.loopback_proxy_may_be_allowed = true,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "A new node from a network of `gateway.nodes.pairing.autoApproveCidrs` is paired without asking.",
        sources: &["#61004", "node-pairing-auto-approve.ts shouldAutoApproveNodePairingFromTrustedCidrs"],
        apply: |rules| rules.handshake.lists_networks = true,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "X-Forwarded-Proto does not change the scheme of the canvas URL.",
        sources: &["ws-connection.ts canvasHostScheme"],
        apply: |rules| rules.handshake.canvas_ignores_forwarded_proto = true,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "A welcomed node hears `voicewake.routing.changed`.",
        sources: &["message-handler.ts loadVoiceWakeRoutingConfig", "voicewake-routing.ts DEFAULT_ROUTING"],
        apply: |rules| rules.handshake.voice_routing = true,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "A connect has to come within 15 seconds.",
        sources: &["handshake-timeouts.ts DEFAULT_PREAUTH_HANDSHAKE_TIMEOUT_MS"],
        apply: |rules| rules.handshake.timeout_ms = 15_000,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "A refusal for want of pairing names the upgrade and the pending request in its message and close reason, \
               and gives a hint, what was asked for and what was approved.",
        sources: &["#69431", "connect-error-details.ts buildPairingConnectErrorDetails"],
        apply: |rules| rules.handshake.upgrade_named = true,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "The apps for macOS, iOS and Android on this machine change platform and family without asking.",
        sources: &["handshake-auth-helpers.ts shouldAllowSilentLocalPairing"],
        apply: |rules| rules.handshake.silent_native_metadata = true,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "A local backend with the gateway's secret keeps its scopes without a device.",
        sources: &["message-handler.ts handleMissingDeviceIdentity"],
        apply: |rules| rules.handshake.backend_keeps_scopes = true,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "A device that need not be paired and is not gets no token if it came by one, nor where a proxy vouches for \
               it.",
        sources: &["message-handler.ts hasServerApprovedDeviceTokenBaseline"],
        apply: |rules| rules.handshake.token_needs_baseline = true,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "hello-ok always says the role and the scopes in effect.",
        sources: &["message-handler.ts helloOkAuthScopes"],
        apply: |rules| rules.handshake.hello_always_has_auth = true,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "The gateway's password lets local clients in where a reverse proxy does not vouch for them.",
        sources: &["auth.ts authorizeGatewayConnectCore"],
        apply: |rules| rules.handshake.password_beside_proxy = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "The protocol is version 4; a refusal names the client's range.",
        sources: &["#80725", "gateway-protocol version.ts", "message-handler.ts"],
        apply: |rules| {
            rules.handshake.protocol = 4;
            rules.handshake.connect_form = ConnectForm::WithRuntimeToken;
            rules.handshake.protocol_range_named = true;
        },
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "Failed credentials are limited without any configuration of it, and so are new nodes that ask for their approval.",
        sources: &[
            "server.impl createAuthRateLimiter(rateLimitConfig ?? {})",
            "message-handler.ts requestNodePairingFromConnect",
        ],
        apply: |rules| rules.handshake.always_limited = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "A bootstrap token is redeemed before `hello-ok`: the node's wake words come first.",
        sources: &["message-handler.ts redeemDeviceBootstrapTokenProfile"],
        apply: |rules| rules.handshake.redeems_before_hello = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "Frames and parameters are checked by TypeBox instead of AJV: of the missing properties only the first is named.",
        sources: &["seen: `invalid connect params`"],
        apply: |rules| rules.handshake.wording = Wording::TypeBox,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "Auth mode none admits a local backend without a device, and it need not be paired.",
        sources: &[
            "handshake-auth-helpers.ts shouldSkipLocalBackendSelfPairing",
            "connect-policy.ts evaluateMissingDeviceIdentity",
        ],
        apply: |rules| rules.handshake.none_admits_backend = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "A paired device gets another role than operator, or another platform in such a role, only by approval, local or not.",
        sources: &["message-handler.ts requirePairing"],
        apply: |rules| rules.handshake.silent_for_operators_only = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "A right device token that lacks the scopes is refused with AUTH_SCOPE_MISMATCH.",
        sources: &["auth-context.ts mapDeviceTokenAuthFailureReason"],
        apply: |rules| rules.handshake.scope_mismatch_named = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "Wrong bootstrap tokens count against a limit of their own.",
        sources: &["auth-context.ts resolveConnectAuthDecisionCore"],
        apply: |rules| rules.handshake.bootstrap_limited = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "A Control UI that a proxy vouches for pairs its device, gets no token, and X-OpenClaw-Scopes bounds its scopes.",
        sources: &[
            "connect-policy.ts shouldSkipControlUiPairing",
            "message-handler.ts resolveTrustedProxyControlUiScopes",
        ],
        apply: |rules| rules.handshake.vouched_pairs = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "A node host may spell its platform in another way; the phone apps may name another version of theirs.",
        sources: &["message-handler.ts resolvePinnedClientMetadata"],
        apply: |rules| rules.handshake.lenient_pins = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "A page of a private address, of .local or of .ts.net may talk to the very host that it came from.",
        sources: &["origin-check.ts isTrustedSameOriginHost"],
        apply: |rules| rules.handshake.private_same_origin = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "A bootstrap token pairs at once only the phone apps with a setup code's profile; other nodes ask and are told to wait.",
        sources: &["#81292", "message-handler.ts isSetupCodeMobileBootstrapClient"],
        apply: |rules| rules.handshake.bootstrap_pairing = BootstrapPairing::SetupCode,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "A token that a browser gets by the shared secret is good for that secret only; older tokens of browsers are not taken.",
        sources: &["device-pairing-*.js deviceTokenIssuerMatches, isBrowserRelatedPairedDevice"],
        apply: |rules| rules.handshake.browser_tokens_bound = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "hello-ok names the URLs of plugins' surfaces instead of the canvas host's.",
        sources: &["message-handler.ts pluginSurfaceUrls"],
        apply: |rules| {
            rules.handshake.plugin_surfaces = true;
            rules.handshake.canvas_ignores_forwarded_proto = false;
        },
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "The gateway's own entry in the presence list names this run of it.",
        sources: &["system-presence.ts SELF_INSTANCE_ID"],
        apply: |rules| rules.handshake.presence = PresenceForm::V2026_6_11,
    },
    Change {
        seen: V2026_7_35,
        not_yet: V2026_6_11,
        what: "Probes and nodes may speak protocol 3 still, and a refusal says so.",
        sources: &["message-handler.ts supportsProbeRestartProtocol, supportsPreviousNodeProtocol"],
        apply: |rules| rules.handshake.previous_protocol = true,
    },
    Change {
        seen: V2026_7_35,
        not_yet: V2026_6_11,
        what: "The run of an agent may prove itself; only the local backend may try.",
        sources: &[
            "ConnectParamsSchema auth.agentRuntimeIdentityToken",
            "message-handler.ts verifyAgentRuntimeIdentityToken",
        ],
        apply: |rules| rules.handshake.connect_form = ConnectForm::V2026_7_35,
    },
    Change {
        seen: V2026_7_35,
        not_yet: V2026_6_11,
        what: "The CLI with the gateway's secret keeps its scopes without a device where it is local.",
        sources: &["handshake-auth-helpers.ts shouldPreserveLocalCliSharedAuthScopes"],
        apply: |rules| rules.handshake.cli_keeps_scopes = true,
    },
    Change {
        seen: V2026_7_35,
        not_yet: V2026_6_11,
        what: "An origin with a path, a user or no host is none; one of an extension can be listed.",
        sources: &["origin-check.ts parseOrigin"],
        apply: |rules| rules.handshake.origin_form = super::OriginForm::V2026_7_35,
    },
    Change {
        seen: V2026_7_35,
        not_yet: V2026_6_11,
        what: "hello-ok lists capabilities of the gateway.",
        sources: &["message-handler.ts helloOk.features.capabilities"],
        apply: |rules| rules.handshake.capabilities = super::capabilities::V2026_7_35,
    },
    Change {
        seen: V2026_7_35,
        not_yet: V2026_6_11,
        what: "A request that replaces others of its device announces them as rejected.",
        sources: &["message-handler.ts requirePairing"],
        apply: |rules| rules.handshake.superseded_announced = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "More clients are known: the copilot in a browser, the apps for Linux and watchOS. A client may say its build and its time \
               zone, a request what it belongs to.",
        sources: &["ConnectParamsSchema", "client-info.ts GATEWAY_CLIENT_IDS", "RequestFrameSchema"],
        apply: |rules| rules.handshake.connect_form = ConnectForm::V2026_9_6,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "allowInsecureAuth and dangerouslyDisableDeviceAuth of the Control UI replace no device any more.",
        sources: &["connect-policy.ts evaluateMissingDeviceIdentity"],
        apply: |rules| rules.handshake.flags_replace_no_device = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "A local client with the gateway's secret, or under auth mode none, gets more scopes without asking, but not \
               by its device token; gateway.nodes.pairing.autoApproveLocal: false takes back all that is silent.",
        sources: &["#124589", "handshake-auth-helpers.ts shouldAllowSilentLocalPairing"],
        apply: |rules| rules.handshake.local_scope_upgrade = ScopeUpgrade::BySecret,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "The local backend, and the Control UI under auth mode none, are let in whatever their record says.",
        sources: &["connect-device-pairing.ts authorizeGatewayConnectDevice"],
        apply: |rules| rules.handshake.skipping_notes_record = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "hello-ok says how the client was let in and the scopes of this connection, once each, not those of its token.",
        sources: &["connect-hello.ts sendGatewayHello"],
        apply: |rules| rules.handshake.hello_of_connection = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "Before a client is refused for want of approval its record is looked at again: what another upgrade of the same \
               connect brought counts.",
        sources: &["connect-device-pairing.ts pairingStateAllowsRequestedAccess"],
        apply: |rules| rules.handshake.record_decides = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "A Control UI whose request waits for approval is told to come again.",
        sources: &["connect-device-pairing.ts retryWhileControlUiApprovalPending"],
        apply: |rules| rules.handshake.control_ui_waits = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "A silent pairing takes away silent pairings of look-alikes that are older than a minute and not connected.",
        sources: &[
            "device-pairing-prune.ts",
            "device-pairing-core.kernel.ts pruneSupersededSilentPairedDevicesInWorker",
        ],
        apply: |rules| rules.handshake.prunes_silent = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "A Control UI page from the gateway's own host that is not of the gateway's build is told to load again.",
        sources: &["control-ui-build-admission.ts resolveControlUiBuildMismatch", "build-info.json"],
        apply: |rules| {
            rules.handshake.control_ui_build = Some("2026.9.6-release-eb377ac59e6c-2026-09-23T16-33-12.144Z");
        },
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "Who says to be a worker, by role, client id or mode, is closed without an answer.",
        sources: &["message-handler.ts claimsWorkerConnectionIdentity"],
        apply: |rules| rules.handshake.workers_apart = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "The challenge and hello-ok list what the gateway can do; hello-ok names its boot, its build, its widgets and link \
               readers, and tells a node of those plugin surfaces only that it can show.",
        sources: &["ws-connection.ts", "connect-hello.ts sendGatewayHello", "connect-session.ts"],
        apply: |rules| {
            rules.handshake.capabilities = super::capabilities::V2026_9_6;
            rules.handshake.node_surfaces_by_caps = true;
        },
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "An operator is present once for each connection, under the owner's profile; backends and probes are not present at all.",
        sources: &["connect-session.ts attachAuthenticatedGatewayConnect", "gateway-owner-profile.ts"],
        apply: |rules| rules.handshake.presence_per_connection = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "The presence list says which client it is, whom it stands for and since when they are there; an entry stays while its \
               connection is open. Who may read hears the list after the welcome of a client that is in it, and when a node's \
               pairing ends.",
        sources: &[
            "system-presence.ts",
            "client-presence.ts refreshClientPresence",
            "authenticated-presence-user.ts",
            "connect-hello.ts sendGatewayHello",
            "server-lifecycle.ts onPairingInvalidated",
        ],
        apply: |rules| rules.handshake.presence = PresenceForm::V2026_9_6,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "Who is refused for wrong credentials is told where on the gateway's machine to look, and when to try again.",
        sources: &["auth-messages.ts formatGatewayAuthFailureMessage", "connect-auth.ts rejectUnauthorized"],
        apply: |rules| rules.handshake.says_where_to_look = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "A device of a user whom a reverse proxy vouches for is paired at once where `trustedProxy.deviceAutoApprove` says so.",
        sources: &["connect-pairing-plan.ts"],
        apply: |rules| rules.handshake.vouched_devices = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "The gateway's secret is taken as token or as password, whichever comes; a wrong one beside a device token counts only \
               if that fails, too.",
        sources: &["auth.ts resolveConnectSecret", "auth-context.ts pendingSharedAuthFailure"],
        apply: |rules| {
            rules.handshake.either_secret = true;
            rules.handshake.secret_failure_waits = true;
        },
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "X-OpenClaw-Scopes bounds the scopes of every connection.",
        sources: &["connect-admission.ts resolveEffectiveConnectionScopes"],
        apply: |rules| rules.handshake.header_bounds_all = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "A node host has the platform and the family of its system, however it spells them; the app for macOS may name another \
               version of it.",
        sources: &[
            "node-legacy-protocol-filter.ts normalizeNodeHostCompatibilityMetadata",
            "connect-device-metadata.ts",
        ],
        apply: |rules| rules.handshake.node_host_named = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "A node that is given no device token and shows none is refused.",
        sources: &["connect-session.ts attachAuthenticatedGatewayConnect"],
        apply: |rules| rules.handshake.nodes_need_token = true,
    },
];
