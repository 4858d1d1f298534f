//! What differs among the releases in the handshake.

use super::presence::PresenceRules;

/// Which form the parameters of `connect` have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectForm {
    /// Of the secrets token and password are known, and a device may leave the nonce out.
    Secrets,
    /// `auth.deviceToken` is known, and a device must give the nonce.
    DeviceToken,
    /// `auth.bootstrapToken` is known.
    BootstrapToken,
    /// `openclaw-tui` is a client id. Client ids and modes are a union of literals.
    Literals,
    /// They are an enumeration.
    Enumerated,
    /// And the tool that asks for approvals may say that it is the gateway's own.
    WithRuntimeToken,
    /// And an agent's run may prove itself.
    WithAgentRun,
    /// More clients, their build and time zone, and what a client wants to be told at once.
    WithBuild,
}

/// Who words the errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wording {
    /// AJV: every missing property is named.
    Ajv,
    /// TypeBox's own validator: only the first missing property of an object is named, and only the
    /// first that it does not know.
    TypeBox,
}

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
    pub origins: AllowedOrigins,
    /// An origin is a scheme and a host and no more, and one of an extension can be listed.
    pub origins_bare: bool,
    /// Refusals carry details: a code and a reason. Else only the pending request's id.
    pub refusals_detailed: bool,
    /// There is a code for each fault of a device's proof and of an origin, and a next step for wrong credentials.
    pub refusals_exact: bool,
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
    /// Failed credentials are limited even where the configuration says nothing of it, and new nodes' requests are, too.
    pub always_limited: bool,
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
    /// New nodes of the networks that the configuration names are paired without asking.
    pub lists_networks: bool,
    /// Whoever is asked for more is let in where the record grants it by the time it is refused.
    pub record_decides: bool,
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
    /// What the presence list shows.
    pub presence: PresenceRules,
    /// A bootstrap token is redeemed before `hello-ok`, which is when the node hears its wake words.
    pub redeems_before_hello: bool,
    /// A welcomed node hears where each word that wakes it leads, beside the words themselves.
    pub voice_routing: bool,
    /// A reverse proxy may vouch for devices, where the configuration says so.
    pub vouched_devices: bool,
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

/// Which browser origins are allowed besides the listed ones, and who is asked for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Every origin that equals `Host`, and loopback origins where `Host` is loopback too; only browser UIs are asked.
    SameHost,
    /// Loopback origins where `Host` is loopback too; `*` is no wildcard; behind a proxy only browser UIs are asked.
    LoopbackHost,
    /// Loopback origins of local clients; `*` lets every origin in; whoever sends an origin is asked.
    LocalClients,
}

/// What proves a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofForm {
    /// A v2 proof, or from a local client without a nonce a v1 proof; ten minutes of skew.
    V2,
    /// A v3 or a v2 proof; two minutes of skew.
    V3,
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
            connect_form: ConnectForm::Secrets,
            wording: Wording::Ajv,
            protocol_range_named: false,
            timeout_ms: 10_000,
            early_messages_limited: false,
            origins: AllowedOrigins::SameHost,
            origins_bare: false,
            refusals_detailed: false,
            refusals_exact: false,
            proof_form: ProofForm::V2,
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
            always_limited: false,
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
            lists_networks: false,
            record_decides: false,
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
            presence: PresenceRules::oldest(),
            redeems_before_hello: false,
            voice_routing: false,
            vouched_devices: false,
        }
    }
}
