//! Differences between the releases in the handshake.

use super::presence::PresenceRules;

/// The form of the parameters of `connect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectForm {
    /// The known secrets are the token and the password, and a device can omit the nonce.
    Secrets,
    /// Adds `auth.deviceToken`, and a device must send the nonce.
    DeviceToken,
    /// Adds `auth.bootstrapToken`.
    BootstrapToken,
    /// `openclaw-tui` is a client id. Client ids and modes are a union of literals.
    Literals,
    /// 2026.5.7: client ids and modes are an enumeration.
    Enumerated,
    /// 2026.6.11: the tool that requests approvals can identify itself as the gateway's own.
    WithRuntimeToken,
    /// An agent run can also prove its identity.
    WithAgentRun,
    /// Adds clients, their build and time zone, and the events that a client requests at once.
    WithBuild,
}

/// The validator that produces the error texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wording {
    /// AJV: lists every missing property.
    Ajv,
    /// TypeBox's own validator: names only the first missing property and only the first unknown property of an object.
    TypeBox,
}

/// The handshake's rules of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandshakeRules {
    /// The protocol version of the release.
    pub protocol: u32,
    /// The form of the parameters of `connect`.
    pub connect_form: ConnectForm,
    /// The validator that produces the error texts of frames and parameters.
    pub wording: Wording,
    /// A refusal for the protocol version contains the client's range. Otherwise, it contains only the expected
    /// version.
    pub protocol_range_named: bool,
    /// The handshake timeout in milliseconds, if the configuration does not set it.
    pub timeout_ms: u64,
    /// A message before `hello-ok` is limited to 64 KiB. Otherwise, the limit is the same as after it.
    pub early_messages_limited: bool,
    /// Which browser origins are allowed, and which clients need one.
    pub origins: AllowedOrigins,
    /// An origin is only a scheme and a host. The origin of a browser extension can be listed.
    pub origins_bare: bool,
    /// Refusals have details: a code and a reason. Otherwise, only the id of the pending request.
    pub refusals_detailed: bool,
    /// Each error in a device proof and in an origin has its own code, and wrong credentials have a next step.
    pub refusals_specific: bool,
    /// What proves a device.
    pub proof_form: ProofForm,
    /// `auth.deviceToken` exists and secrets are trimmed. Authentication by a reverse proxy counts as the secret, and
    /// the Control UI behind one needs no device. Otherwise, only `auth.token` can contain a device token.
    pub device_tokens_known: bool,
    /// A missing secret does not count against the rate limit. Otherwise, it counts like a wrong one.
    pub missing_secret_not_counted: bool,
    /// Clients with an `Origin` header have their own rate limits.
    pub browsers_limited: bool,
    /// Only operators can connect without a device.
    pub nodes_need_device: bool,
    /// `allowInsecureAuth` waives the device for the local Control UI only, and does not waive pairing with a device.
    pub insecure_auth_bounded: bool,
    /// A device keeps the platform and the device family that it was paired with.
    pub pins_metadata: bool,
    /// Scope checks include implied scopes, and `approvedScopes` replaces absent `scopes`.
    pub scopes_imply: bool,
    /// A browser that is neither the Control UI nor the chat needs approval for pairing.
    pub browsers_ask: bool,
    /// `hello-ok` and the presence list contain the release version. Otherwise, they contain `dev` and `unknown`, unless an
    /// environment variable names the version.
    pub names_release: bool,
    /// `hello-ok.server` contains the host name.
    pub hello_names_host: bool,
    /// Failed credentials and requests of new nodes are rate limited even without configuration.
    pub always_limited: bool,
    /// The number of sockets from one address that have not sent `connect` yet is limited.
    pub waiting_limited: bool,
    /// A client with a device token is not subject to the rate limit for shared secrets, and a client without any secret is
    /// subject to it. Otherwise, exactly the clients that send a secret are subject to the limit.
    pub device_token_shields_secret: bool,
    /// A correct device token resets the failures of the shared secret that was sent with it.
    pub device_token_clears_secret_failures: bool,
    /// A lockout of the shared secret also blocks device tokens.
    pub secret_lockout_blocks_device_token: bool,
    /// Clients with an `Origin` header on loopback have a rate limit for each origin. Otherwise, they share one, for
    /// 198.18.0.1.
    pub browser_limit_per_origin: bool,
    /// A reverse proxy on loopback cannot authenticate users.
    pub loopback_proxy_cannot_authenticate: bool,
    /// The configuration can allow a reverse proxy on loopback to authenticate users.
    pub loopback_proxy_may_be_allowed: bool,
    /// With `dangerouslyDisableDeviceAuth`, the Control UI needs no secret to connect as an operator.
    pub bypass_needs_no_secret: bool,
    /// The clients that keep their scopes without a device.
    pub unbound_scopes: UnboundScopes,
    /// A client that a reverse proxy authenticated loses its scopes without a device.
    pub proxy_user_scopes_need_device: bool,
    /// A bootstrap token is checked even if the shared secret is correct, and then counts as the credential.
    pub bootstrap_precedes_secret: bool,
    /// How a node with a bootstrap token is paired.
    pub bootstrap_pairing: BootstrapPairing,
    /// A refusal contains the id of the request that is pending at that time. Otherwise, it contains the id of the
    /// request that it created.
    pub live_request_id: bool,
    /// How a local client gets more scopes.
    pub local_scope_upgrade: ScopeUpgrade,
    /// A local client gets a new role without approval.
    pub silent_role_upgrade: bool,
    /// The CLI with the shared secret, a loopback peer and a private `Host` is local for pairing, although `Forwarded`,
    /// `X-Forwarded-Host` or `X-Forwarded-Proto` is present.
    pub local_container_cli: bool,
    /// The Control UI in a browser with the shared secret is local for pairing from a private peer if `Host` and
    /// `Origin` are loopback.
    pub local_container_control_ui: bool,
    /// Whether a local backend client needs pairing.
    pub backend_pairing: BackendPairing,
    /// With auth mode none, the Control UI needs no pairing.
    pub control_ui_skips_without_auth: bool,
    /// An existing record does not apply to a client that needs no pairing. Otherwise, only an unpaired device skips
    /// the checks.
    pub skipping_ignores_record: bool,
    /// `approvedScopes` limits the scopes of a record, and `scopes` does if it is absent. Otherwise, the two are used
    /// in the opposite order.
    pub approved_scopes_first: bool,
    /// Only administrators see the paths of the configuration and the state directory.
    pub paths_for_admin_only: bool,
    /// Every client gets its own canvas URL. Otherwise, only nodes do.
    pub canvas_capability_for_all: bool,
    /// The canvas URL uses the gateway's own scheme, whatever `X-Forwarded-Proto` contains.
    pub canvas_ignores_forwarded_proto: bool,
    /// A refusal for pairing contains the upgrade and the pending request, and its details contain the approved access.
    pub upgrade_named: bool,
    /// An app for macOS, iOS or Android on the gateway's host can change platform and device family without approval.
    pub silent_native_metadata: bool,
    /// A local backend with the gateway's secret keeps its scopes without a device.
    pub backend_keeps_scopes: bool,
    /// An unpaired device that needs no pairing gets a token only if it did not authenticate with a device token. It
    /// gets none, and loses its scopes, if a reverse proxy authenticated it.
    pub token_needs_baseline: bool,
    /// `hello-ok` always contains `auth`, with the effective role and scopes. Otherwise, it does only with a device
    /// token.
    pub hello_always_has_auth: bool,
    /// Auth mode none admits a local backend without a device and without pairing.
    pub none_admits_backend: bool,
    /// A paired device gets access without approval only as an operator.
    pub silent_for_operators_only: bool,
    /// A correct device token without the requested scopes is refused as a scope mismatch.
    pub scope_mismatch_named: bool,
    /// Wrong bootstrap tokens have their own rate limit.
    pub bootstrap_limited: bool,
    /// A Control UI that a reverse proxy authenticates must pair its device, gets no token, and gets at most the scopes
    /// in `X-OpenClaw-Scopes`.
    pub proxy_users_must_pair: bool,
    /// A node host can spell its platform differently, and the phone apps can report a different platform version.
    pub lenient_pins: bool,
    /// A page from a private address, from `.local` or from `.ts.net` can connect to the host that served it.
    pub private_same_origin: bool,
    /// A token that a browser got with the shared secret is valid for that secret only.
    pub browser_tokens_bound: bool,
    /// `hello-ok` contains `pluginSurfaceUrls`. Otherwise, it contains `canvasHostUrl`.
    pub plugin_surfaces: bool,
    /// Probes and nodes can use the previous protocol version.
    pub previous_protocol: bool,
    /// A local CLI with the gateway's secret keeps its scopes without a device.
    pub cli_keeps_scopes: bool,
    /// Requests that a new request of the same device replaces are announced as rejected.
    pub superseded_announced: bool,
    /// The flags of the Control UI do not replace a device, and the terminal user interface does not count as a Control
    /// UI.
    pub flags_replace_no_device: bool,
    /// A client that needs no pairing is admitted whatever its record contains, and its record is updated.
    pub skipping_notes_record: bool,
    /// `hello-ok` states how the client was authenticated, lists the scopes of the connection instead of the token's,
    /// and contains more about the server and its policy.
    pub hello_of_connection: bool,
    /// New nodes from the configured networks are paired without approval.
    pub lists_networks: bool,
    /// A client that needs approval is admitted if its record grants the access when the refusal is due.
    pub record_can_admit: bool,
    /// A Control UI with a pending request is told to retry.
    pub control_ui_waits: bool,
    /// A silent pairing removes older silent pairings of similar clients.
    pub prunes_silent: bool,
    /// The build of the Control UI that the gateway serves. A page of the gateway with another build is refused.
    pub control_ui_build: Option<&'static str>,
    /// Workers have their own endpoint. A client that claims to be a worker is closed without an answer.
    pub workers_have_endpoint: bool,
    /// The contents of `hello-ok.features.capabilities`. Empty if the member is absent.
    pub capabilities: &'static [&'static str],
    /// A refusal for wrong credentials states where to look on the gateway's host, and when to retry.
    pub refusals_have_advice: bool,
    /// A gateway with a token accepts it as the password if no token was sent, and the other way round.
    pub either_secret: bool,
    /// A wrong secret with a device token counts only if the client is refused, and a correct device token does not
    /// reset the count.
    pub secret_failure_counts_on_refusal: bool,
    /// The gateway's password admits local clients that a reverse proxy does not authenticate.
    pub password_beside_proxy: bool,
    /// A reverse proxy that authenticates a user must also name the address of the client.
    pub user_needs_address: bool,
    /// `X-OpenClaw-Scopes` limits the scopes of every connection.
    pub header_bounds_all: bool,
    /// A node host can report the system of its record under another name (`macos` for `darwin`). Another client can do so
    /// if the record has no device family and the client reports that of the system. The app for macOS can report another
    /// platform version.
    pub node_host_named: bool,
    /// A node that gets no device token and sends none is refused.
    pub nodes_need_token: bool,
    /// A node sees only the surfaces of the plugins that it can show.
    pub node_surfaces_by_caps: bool,
    /// An operator has one presence entry for each connection. Clients that only make calls (the CLI, backends, probes)
    /// have none. Otherwise, every client except the CLI has one for its device.
    pub presence_per_connection: bool,
    /// What the presence list shows.
    pub presence: PresenceRules,
    /// A bootstrap token is redeemed before `hello-ok`, and the node receives its wake words at that time.
    pub redeems_before_hello: bool,
    /// After `hello-ok`, a node also receives the routing of each wake word.
    pub voice_routing: bool,
    /// A reverse proxy can authorize devices if the configuration allows it.
    pub proxy_can_approve_devices: bool,
}

/// Whether a local backend client (`gateway-client`, mode `backend`) needs pairing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendPairing {
    /// It needs pairing like every other client.
    Needed,
    /// It needs no pairing with the shared secret.
    SkippedWithSecret,
    /// It needs no pairing with the shared secret or a device token.
    SkippedWhenProven,
}

/// Which browser origins are allowed in addition to the listed ones, and which clients need one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Every origin that equals `Host`, and loopback origins if `Host` is loopback. Only browser UIs are checked.
    SameHost,
    /// Loopback origins if `Host` is loopback. `*` is not a wildcard. Behind a proxy, only browser UIs are checked.
    LoopbackHost,
    /// Loopback origins of local clients. `*` allows every origin. Every client that sends an origin is checked.
    LocalClients,
}

/// The accepted device proofs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofForm {
    /// A v2 proof, or a v1 proof from a local client without a nonce. Ten minutes of clock skew.
    V2,
    /// A v3 or a v2 proof. Two minutes of clock skew.
    V3,
}

impl ProofForm {
    /// The maximum difference of the signing time from the gateway's clock in both directions, in milliseconds.
    pub const fn tolerance_ms(self) -> u64 {
        match self {
            Self::V2 => 600_000,
            Self::V3 => 120_000,
        }
    }
}

/// How a local client gets more scopes than its device has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeUpgrade {
    /// With approval.
    Asked,
    /// Without approval.
    Silent,
    /// Without approval with the gateway's secret or with auth mode none, but not with a device token.
    BySecret,
}

/// The clients that keep their scopes without a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnboundScopes {
    /// The Control UI with `allowInsecureAuth` or `dangerouslyDisableDeviceAuth`.
    ControlUiByFlag,
    /// Clients with the gateway's secret, clients that a reverse proxy authenticated, and the Control UI with
    /// `dangerouslyDisableDeviceAuth`.
    WithSecret,
    /// The Control UI if it is admitted.
    ControlUi,
    /// Clients that neither a secret nor a reverse proxy admitted, the Control UI with `dangerouslyDisableDeviceAuth`,
    /// and the local one with `allowInsecureAuth`.
    WithoutSecret,
}

/// How a node with a bootstrap token is paired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootstrapPairing {
    /// With approval, like every other client.
    Asked,
    /// At once. The token is revoked.
    Silent,
    /// At once, with every role of the token's profile. `hello-ok` contains a device token for each role.
    HandOff,
    /// As [`Self::HandOff`], but only for the phone apps with the profile of a setup code. Other nodes need approval.
    SetupCode,
}

impl BootstrapPairing {
    /// Whether a profile is handed off.
    pub fn hands_off(self) -> bool {
        matches!(self, Self::HandOff | Self::SetupCode)
    }
}

impl HandshakeRules {
    /// The rules of 2026.2.19, the oldest known release.
    #[expect(clippy::too_many_lines, reason = "one line for each fact")]
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
            refusals_specific: false,
            proof_form: ProofForm::V2,
            device_tokens_known: false,
            missing_secret_not_counted: false,
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
            loopback_proxy_cannot_authenticate: false,
            loopback_proxy_may_be_allowed: false,
            bypass_needs_no_secret: false,
            unbound_scopes: UnboundScopes::ControlUiByFlag,
            proxy_user_scopes_need_device: false,
            bootstrap_precedes_secret: false,
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
            proxy_users_must_pair: false,
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
            record_can_admit: false,
            control_ui_waits: false,
            prunes_silent: false,
            control_ui_build: None,
            workers_have_endpoint: false,
            capabilities: &[],
            nodes_need_token: false,
            node_host_named: false,
            refusals_have_advice: false,
            either_secret: false,
            password_beside_proxy: false,
            user_needs_address: false,
            secret_failure_counts_on_refusal: false,
            header_bounds_all: false,
            node_surfaces_by_caps: false,
            presence_per_connection: false,
            presence: PresenceRules::oldest(),
            redeems_before_hello: false,
            voice_routing: false,
            proxy_can_approve_devices: false,
        }
    }
}
