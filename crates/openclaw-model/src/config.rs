//! The part of a gateway's configuration that the handshake and pairing depend on.

use serde_json::Value;

/// How clients authenticate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AuthMode {
    /// No shared secret.
    None,
    /// A shared token.
    #[default]
    Token,
    /// A shared password.
    Password,
    /// A reverse proxy authenticates the user.
    TrustedProxy,
}

/// The resolved settings of a gateway, with defaults and environment variables applied. The emulator reads them from
/// `openclaw.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct GatewayConfig {
    /// The port that the gateway reports.
    pub port: u16,
    /// `gateway.auth.mode`, or the mode that the release derives.
    pub auth_mode: AuthMode,
    /// `gateway.auth.token` or `OPENCLAW_GATEWAY_TOKEN`.
    pub token: Option<String>,
    /// `gateway.auth.password` or `OPENCLAW_GATEWAY_PASSWORD`.
    pub password: Option<String>,
    /// `gateway.auth.allowTailscale`, or its default.
    pub allow_tailscale: bool,
    /// `gateway.trustedProxies`: addresses and CIDR ranges.
    pub trusted_proxies: Vec<String>,
    /// `gateway.allowRealIpFallback`.
    pub allow_real_ip_fallback: bool,
    /// `gateway.controlUi.allowedOrigins`.
    pub allowed_origins: Vec<String>,
    /// `gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback`.
    pub allow_host_header_origin_fallback: bool,
    /// `gateway.controlUi.allowInsecureAuth`.
    pub control_ui_allow_insecure_auth: bool,
    /// `gateway.controlUi.dangerouslyDisableDeviceAuth`.
    pub control_ui_disable_device_auth: bool,
    /// The handshake timeout in milliseconds. `OPENCLAW_HANDSHAKE_TIMEOUT_MS` sets it if the release supports the
    /// variable.
    pub handshake_timeout_ms: Option<u64>,
    /// `gateway.auth.rateLimit`, if set.
    pub rate_limit: Option<RateLimit>,
    /// `gateway.auth.trustedProxy`, if set.
    pub trusted_proxy: Option<TrustedProxy>,
    /// Maximum number of open sockets from one address before authentication. The next upgrade is refused with 503
    /// (`OPENCLAW_MAX_PREAUTH_CONNECTIONS_PER_IP`, default 32).
    pub max_preauth_connections_per_ip: u32,
    /// Whether the canvas host runs: `canvasHost.enabled` is not false, and `OPENCLAW_SKIP_CANVAS_HOST` is not 1.
    pub canvas_host: bool,
    /// `gateway.nodes.allowCommands`: commands that a node can offer in addition to those of its platform.
    pub node_allow_commands: Vec<String>,
    /// `gateway.nodes.denyCommands`: commands that no node can offer.
    pub node_deny_commands: Vec<String>,
    /// `gateway.nodes.pairing.autoApproveLocal`.
    pub auto_approve_local: bool,
    /// `gateway.nodes.pairing.autoApproveCidrs`: networks whose new nodes are paired without approval.
    pub auto_approve_cidrs: Vec<String>,
    /// The gateway's host in the presence list.
    pub host: Host,
    /// The path of the configuration, as in `config.get` and `hello-ok.snapshot.configPath`.
    pub config_path: String,
    /// The state directory, as in `hello-ok.snapshot.stateDir`.
    pub state_dir: String,
    /// The complete configuration as it was read, for `config.get`.
    pub document: Value,
}

impl Default for GatewayConfig {
    /// The settings of an empty configuration, without a secret. The default auth mode is token, and the caller has to
    /// set the token.
    fn default() -> Self {
        Self {
            port: 18_789,
            auth_mode: AuthMode::Token,
            token: None,
            password: None,
            allow_tailscale: false,
            trusted_proxies: Vec::new(),
            allow_real_ip_fallback: false,
            allowed_origins: Vec::new(),
            allow_host_header_origin_fallback: false,
            control_ui_allow_insecure_auth: false,
            control_ui_disable_device_auth: false,
            handshake_timeout_ms: None,
            rate_limit: None,
            trusted_proxy: None,
            max_preauth_connections_per_ip: 32,
            canvas_host: true,
            node_allow_commands: Vec::new(),
            node_deny_commands: Vec::new(),
            auto_approve_local: true,
            auto_approve_cidrs: Vec::new(),
            host: Host::default(),
            config_path: String::new(),
            state_dir: String::new(),
            document: Value::Null,
        }
    }
}

/// The host that a gateway runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The host name.
    pub name: String,
    /// The address in the local network, if any.
    pub address: Option<String>,
    /// Operating system and version, such as `linux 6.18`.
    pub platform: String,
    /// Processor architecture, such as `x64`.
    pub arch: String,
    /// The hardware model, if known.
    pub model: Option<String>,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            name: "clawcheck".to_owned(),
            address: None,
            platform: "linux".to_owned(),
            arch: "x64".to_owned(),
            model: None,
        }
    }
}

/// `gateway.auth.trustedProxy`: how a reverse proxy identifies the user.
#[derive(Debug, Clone, PartialEq)]
pub struct TrustedProxy {
    /// The header with the user, as spelled in the configuration.
    pub user_header: String,
    /// Headers that must also be present.
    pub required_headers: Vec<String>,
    /// The allowed users. Empty allows every user.
    pub allow_users: Vec<String>,
    /// Whether a proxy on loopback can authenticate users, if the release has this setting.
    pub allow_loopback: bool,
    /// Automatic approval of the users' devices. `None` if it is disabled.
    pub auto_approve: Option<AutoApprove>,
}

/// `gateway.auth.trustedProxy.deviceAutoApprove`, if enabled.
#[derive(Debug, Clone, PartialEq)]
pub struct AutoApprove {
    /// The maximum scopes, if the configuration lists them.
    pub scopes: Option<Vec<String>>,
}

/// `gateway.auth.rateLimit`.
#[derive(Debug, Clone, PartialEq)]
pub struct RateLimit {
    /// Number of failures before the lockout.
    pub max_attempts: u32,
    /// The period in which failures are counted, in milliseconds.
    pub window_ms: u64,
    /// The duration of the lockout, in milliseconds.
    pub lockout_ms: u64,
    /// Whether plain loopback connections are exempt.
    pub exempt_loopback: bool,
}
