//! What differs among the releases in the handshake, and since when.

use crate::rules::schema::Wording;
use crate::rules::schema::frames::ConnectForm;
use crate::rules::{Change, Release};

/// The handshake's rules of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandshakeRules {
    /// The protocol version that the release speaks.
    pub protocol: u32,
    /// Which form the parameters of `connect` have.
    pub connect_form: ConnectForm,
    /// Who words the errors of frames and parameters.
    pub wording: Wording,
    /// A refusal for the protocol's sake names the client's range; else only the expected version.
    pub protocol_range_named: bool,
    /// The handshake timeout in milliseconds, unless the configuration sets another.
    pub timeout_ms: u64,
    /// A message before the welcome may have 64 KiB; else as much as after it.
    pub early_messages_limited: bool,
    /// Which browser origins are allowed, and who is asked for one.
    pub origin_form: OriginForm,
    /// What the details of a refusal say.
    pub details: RefusalDetails,
    /// What proves a device.
    pub proof_form: ProofForm,
    /// `auth.deviceToken` is known and secrets are trimmed; a reverse proxy's word counts as the secret; the Control UI
    /// behind one needs no device. Else only `auth.token` can be a device's.
    pub device_tokens_known: bool,
    /// A missing secret is not counted against the rate limit; else it is as a wrong one.
    pub missing_secret_forgiven: bool,
    /// Clients with an `Origin` have rate limits of their own.
    pub browsers_limited: bool,
    /// Only operators may do without a device.
    pub nodes_need_device: bool,
    /// `allowInsecureAuth` lets only the local Control UI do without a device, and holds it to its pairing with one.
    pub insecure_auth_bounded: bool,
    /// A device keeps the platform and the family it was paired with.
    pub pins_metadata: bool,
    /// Scopes are compared with what they imply, and `approvedScopes` stand in for absent `scopes`.
    pub scopes_imply: bool,
    /// A browser that is neither the Control UI nor the chat has to ask for pairing.
    pub browsers_ask: bool,
    /// `hello-ok` and the presence list name the release; else what the environment calls it, and nobody does so.
    pub names_release: bool,
    /// `hello-ok.server` names the machine.
    pub hello_names_host: bool,
    /// How many sockets of one address may wait for their connect is limited.
    pub waiting_limited: bool,
    /// A shared secret beside a device token is not counted against the rate limit; a client that gives no secret at all
    /// meets the limit. Otherwise whoever gives a secret meets it and is counted.
    pub device_token_shields_secret: bool,
    /// A device token that is right clears the failures of the shared secret that came with it.
    pub device_token_clears_secret_failures: bool,
    /// A lock-out of the shared secret keeps device tokens from being looked at.
    pub secret_lockout_blocks_device_token: bool,
    /// Clients with an `Origin` on loopback have one rate limit for each origin; else one for all, 198.18.0.1.
    pub browser_limit_per_origin: bool,
    /// A reverse proxy on loopback cannot vouch for a user.
    pub loopback_proxy_cannot_vouch: bool,
    /// The configuration may let it.
    pub loopback_proxy_may_be_allowed: bool,
    /// The Control UI where `dangerouslyDisableDeviceAuth` is set needs no secret as an operator.
    pub bypass_needs_no_secret: bool,
    /// Who keeps its scopes without a device.
    pub unbound_scopes: UnboundScopes,
    /// A client that a reverse proxy vouched for loses its scopes if it has no device.
    pub vouched_scopes_need_device: bool,
    /// A bootstrap token is looked at even where the shared secret is right; it then is what authorised.
    pub bootstrap_beats_secret: bool,
    /// How a node with a bootstrap token is paired.
    pub bootstrap_pairing: BootstrapPairing,
    /// A refusal names the request that is pending by then; else the one that was made.
    pub live_request_id: bool,
    /// How a local client gets more scopes.
    pub local_scope_upgrade: ScopeUpgrade,
    /// A local client gets a new role without asking.
    pub silent_role_upgrade: bool,
    /// The CLI with the shared secret on a loopback peer and a private `Host` counts as local for pairing, although
    /// `Forwarded`, `X-Forwarded-Host` or `X-Forwarded-Proto` is present.
    pub local_container_cli: bool,
    /// The Control UI in a browser with the shared secret counts as local for pairing from a private peer, where `Host`
    /// and `Origin` are loopback.
    pub local_container_control_ui: bool,
    /// Whether a local backend client need not be paired.
    pub backend_pairing: BackendPairing,
    /// The Control UI need not be paired where auth mode is none.
    pub control_ui_skips_without_auth: bool,
    /// Who need not be paired is not held to a record either; else only an unpaired device is let through.
    pub skipping_ignores_record: bool,
    /// A record's `approvedScopes` bound what it may ask for, `scopes` where they are absent; else the other way round.
    pub approved_scopes_first: bool,
    /// Where the configuration lies is shown to administrators only.
    pub paths_for_admin_only: bool,
    /// Every client gets a canvas URL of its own; else nodes only.
    pub canvas_capability_for_all: bool,
    /// The canvas URL is the gateway's own scheme, whatever `X-Forwarded-Proto` says.
    pub canvas_ignores_forwarded_proto: bool,
    /// A refusal for want of pairing names the upgrade and the pending request, and its details say what was approved.
    pub upgrade_named: bool,
    /// An app of a platform on this machine may change its platform and family without asking.
    pub silent_native_metadata: bool,
    /// A local backend with the gateway's secret keeps its scopes without a device.
    pub backend_keeps_scopes: bool,
    /// A device that is not paired and need not be is given a token only if it did not come by one, and none where a
    /// proxy vouches for it, which loses its scopes too.
    pub token_needs_baseline: bool,
    /// `hello-ok` always has `auth`, with the role and the scopes in effect; else only beside a device token.
    pub hello_always_has_auth: bool,
    /// Auth mode none admits a local backend without a device and without pairing.
    pub none_admits_backend: bool,
    /// A paired device gets nothing without asking but as an operator.
    pub silent_for_operators_only: bool,
    /// A device token that is right, but lacks the scopes, is refused as such.
    pub scope_mismatch_named: bool,
    /// Wrong bootstrap tokens count against a limit of their own.
    pub bootstrap_limited: bool,
    /// A Control UI that a proxy vouches for pairs its device as everybody, gets no token, and asks for no more scopes than
    /// the proxy names in `X-OpenClaw-Scopes`.
    pub vouched_pairs: bool,
    /// A node host may spell its platform in another way, and the phone apps may name another version of it.
    pub lenient_pins: bool,
    /// A page of a private address, of `.local` or of `.ts.net` may talk to the host that it came from.
    pub private_same_origin: bool,
    /// Tokens of browsers that the shared secret let in are good for that secret only.
    pub browser_tokens_bound: bool,
    /// `hello-ok` has `pluginSurfaceUrls`; else `canvasHostUrl`.
    pub plugin_surfaces: bool,
    /// Probes and nodes may speak the protocol before.
    pub previous_protocol: bool,
    /// The CLI with the gateway's secret keeps its scopes without a device where it is local.
    pub cli_keeps_scopes: bool,
    /// Requests that a new one of the same device replaces are announced as rejected.
    pub superseded_announced: bool,
    /// The Control UI's flags replace no device, and the terminal user interface is no Control UI.
    pub flags_replace_no_device: bool,
    /// Who need not be paired is let in whatever its record says, and its record notes it.
    pub skipping_notes_record: bool,
    /// `hello-ok` says how the client was let in, the scopes of the connection whatever its token's are, and more of the
    /// server and its policy.
    pub hello_of_connection: bool,
    /// A Control UI whose request waits is told to come again.
    pub control_ui_waits: bool,
    /// A silent pairing takes away older silent pairings of clients that look alike.
    pub prunes_silent: bool,
    /// The build whose Control UI the gateway serves: a page of it that is of another one is not let in.
    pub control_ui_build: Option<&'static str>,
    /// Workers have an entrance of their own: who says to be one is turned away without an answer.
    pub workers_apart: bool,
    /// What `hello-ok.features.capabilities` lists, where it does.
    pub capabilities: &'static [&'static str],
    /// Refusals for the sake of credentials say where on the gateway's own machine to look, and when to try again.
    pub says_where_to_look: bool,
    /// A gateway with a token takes a password for it where no token came, and the other way round.
    pub either_secret: bool,
    /// A wrong secret beside a device token counts only if nothing else lets the client in, and a right device token leaves the
    /// count as it is.
    pub secret_failure_waits: bool,
    /// The gateway's password lets local clients in where a proxy does not vouch for them.
    pub password_beside_proxy: bool,
    /// `X-OpenClaw-Scopes` bounds the scopes of every connection.
    pub header_bounds_all: bool,
    /// A node host's platform and family are those of its system, however it spells them; a record's family may be missing; and
    /// the app for macOS may name another version of it.
    pub node_host_named: bool,
    /// A node that is given no device token and shows none is not let in.
    pub nodes_need_token: bool,
    /// A node sees the surfaces of those plugins alone that it offers to show.
    pub node_surfaces_by_caps: bool,
    /// An operator has an entry in the presence list for each connection, and clients that only call (the CLI, backends, probes) have
    /// none; else everybody but the CLI has one for the device.
    pub presence_per_connection: bool,
    /// A bootstrap token is redeemed before `hello-ok`, which is when the node hears its wake words.
    pub redeems_before_hello: bool,
    /// A welcomed node hears where each word that wakes it leads, beside the words themselves.
    pub voice_routing: bool,
}

/// Whether a local backend client (`gateway-client`, mode `backend`) need not be paired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendPairing {
    /// It is paired as everybody.
    Needed,
    /// Not with the shared secret.
    SkippedWithSecret,
    /// Not with the shared secret or a device token.
    SkippedWhenProven,
}

/// Which browser origins are allowed, and who is asked for one, by the release that brought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginForm {
    /// 2026.2.19: every origin that equals `Host`, and loopback origins where `Host` is loopback too; only browser UIs are
    /// asked.
    V2026_2_19,
    /// 2026.2.26: loopback origins where `Host` is loopback too; `*` is no wildcard; behind a proxy only browser UIs are
    /// asked.
    V2026_2_26,
    /// 2026.3.13: loopback origins of local clients; `*` lets every origin in; whoever sends an origin is asked.
    V2026_3_13,
}

/// What proves a device, by the release that brought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofForm {
    /// 2026.2.19: a v2 proof, or from a local client without a nonce a v1 proof; ten minutes of skew.
    V2026_2_19,
    /// 2026.2.26: a v3 or a v2 proof; two minutes of skew.
    V2026_2_26,
}

/// What the details of a refusal say, by the release that brought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusalDetails {
    /// 2026.2.19: nothing but the pending request's id.
    V2026_2_19,
    /// 2026.2.26: a code and a reason.
    V2026_2_26,
    /// 2026.3.13: a code for each fault of a device's proof and of an origin, and what to do about wrong credentials.
    V2026_3_13,
}

/// How a local client gets more scopes than its device has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeUpgrade {
    /// Somebody is asked.
    Asked,
    /// At once.
    Silent,
    /// At once with the gateway's secret or under auth mode none, but not by a device token.
    BySecret,
}

/// Who keeps its scopes without a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnboundScopes {
    /// The Control UI where `allowInsecureAuth` or `dangerouslyDisableDeviceAuth` is set.
    ControlUiByFlag,
    /// Who has the gateway's secret or is vouched for, and the Control UI where `dangerouslyDisableDeviceAuth` is set.
    WithSecret,
    /// The Control UI that is let in.
    ControlUi,
    /// Who is let in by no secret and no reverse proxy, the Control UI where `dangerouslyDisableDeviceAuth` is set, and
    /// the local one where `allowInsecureAuth` is.
    WithoutSecret,
}

/// How a node with a bootstrap token is paired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootstrapPairing {
    /// As everybody.
    Asked,
    /// At once, and the token is revoked.
    Silent,
    /// At once with every role of the token's profile; `hello-ok` carries a device token for each of them.
    HandOff,
    /// As [`Self::HandOff`], but only for the phone apps with a setup code's profile; other nodes ask.
    SetupCode,
}

impl BootstrapPairing {
    /// Whether a profile is handed off at all.
    pub fn hands_off(self) -> bool {
        matches!(self, Self::HandOff | Self::SetupCode)
    }
}

impl HandshakeRules {
    /// The rules of 2026.2.19, the oldest release of the history.
    pub fn oldest() -> Self {
        Self {
            protocol: 3,
            connect_form: ConnectForm::V2026_2_19,
            wording: Wording::Ajv,
            protocol_range_named: false,
            timeout_ms: 10_000,
            early_messages_limited: false,
            origin_form: OriginForm::V2026_2_19,
            details: RefusalDetails::V2026_2_19,
            proof_form: ProofForm::V2026_2_19,
            device_tokens_known: false,
            missing_secret_forgiven: false,
            browsers_limited: false,
            nodes_need_device: false,
            insecure_auth_bounded: false,
            pins_metadata: false,
            scopes_imply: false,
            browsers_ask: false,
            names_release: false,
            hello_names_host: true,
            waiting_limited: false,
            device_token_shields_secret: true,
            device_token_clears_secret_failures: false,
            secret_lockout_blocks_device_token: true,
            browser_limit_per_origin: false,
            loopback_proxy_cannot_vouch: false,
            loopback_proxy_may_be_allowed: false,
            bypass_needs_no_secret: false,
            unbound_scopes: UnboundScopes::ControlUiByFlag,
            vouched_scopes_need_device: false,
            bootstrap_beats_secret: false,
            bootstrap_pairing: BootstrapPairing::Asked,
            live_request_id: false,
            local_scope_upgrade: ScopeUpgrade::Asked,
            silent_role_upgrade: false,
            local_container_cli: false,
            local_container_control_ui: false,
            backend_pairing: BackendPairing::Needed,
            control_ui_skips_without_auth: false,
            skipping_ignores_record: true,
            approved_scopes_first: false,
            paths_for_admin_only: false,
            canvas_capability_for_all: false,
            canvas_ignores_forwarded_proto: false,
            upgrade_named: false,
            silent_native_metadata: false,
            backend_keeps_scopes: false,
            token_needs_baseline: false,
            hello_always_has_auth: false,
            none_admits_backend: false,
            silent_for_operators_only: false,
            scope_mismatch_named: false,
            bootstrap_limited: false,
            vouched_pairs: false,
            lenient_pins: false,
            private_same_origin: false,
            browser_tokens_bound: false,
            plugin_surfaces: false,
            previous_protocol: false,
            cli_keeps_scopes: false,
            superseded_announced: false,
            flags_replace_no_device: false,
            skipping_notes_record: false,
            hello_of_connection: false,
            control_ui_waits: false,
            prunes_silent: false,
            control_ui_build: None,
            workers_apart: false,
            capabilities: &[],
            nodes_need_token: false,
            node_host_named: false,
            says_where_to_look: false,
            either_secret: false,
            password_beside_proxy: false,
            secret_failure_waits: false,
            header_bounds_all: false,
            node_surfaces_by_caps: false,
            presence_per_connection: false,
            redeems_before_hello: false,
            voice_routing: false,
        }
    }
}

const V2026_2_19: Release = Release::new(2026, 2, 19);
const V2026_2_26: Release = Release::new(2026, 2, 26);
const V2026_3_13: Release = Release::new(2026, 3, 13);
const V2026_3_28: Release = Release::new(2026, 3, 28);
const V2026_3_31: Release = Release::new(2026, 3, 31);
const V2026_4_1: Release = Release::new(2026, 4, 1);
const V2026_4_2: Release = Release::new(2026, 4, 2);
const V2026_4_5: Release = Release::new(2026, 4, 5);
const V2026_4_8: Release = Release::new(2026, 4, 8);
const V2026_4_15: Release = Release::new(2026, 4, 15);
const V2026_5_7: Release = Release::new(2026, 5, 7);
const V2026_6_11: Release = Release::new(2026, 6, 11);
const V2026_7_35: Release = Release::new(2026, 7, 35);
const V2026_9_6: Release = Release::new(2026, 9, 6);

/// What changed in the handshake, oldest first.
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
        seen: V2026_7_35,
        not_yet: V2026_6_11,
        what: "Probes and nodes may speak protocol 3 still, and a refusal says so.",
        sources: &["message-handler.ts supportsProbeRestartProtocol, supportsPreviousNodeProtocol"],
        apply: |rules| rules.handshake.previous_protocol = true,
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
        what: "hello-ok says how the client was let in and the scopes of this connection, not those of its token.",
        sources: &["connect-hello.ts sendGatewayHello"],
        apply: |rules| rules.handshake.hello_of_connection = true,
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
        what: "Who is refused for wrong credentials is told where on the gateway's machine to look, and when to try again.",
        sources: &["auth-messages.ts formatGatewayAuthFailureMessage", "connect-auth.ts rejectUnauthorized"],
        apply: |rules| rules.handshake.says_where_to_look = true,
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
