//! The part of a gateway's configuration that the handshake and the pairing life depend on.

use serde_json::Value;

/// How a client proves that it may talk to the gateway at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AuthMode {
    /// No shared secret.
    None,
    /// A shared token.
    #[default]
    Token,
    /// A shared password.
    Password,
    /// A reverse proxy vouches for the user.
    TrustedProxy,
}

/// Gateway settings, resolved: defaults filled in, environment applied.
/// Read from `openclaw.json` by `reference::settings`.
#[derive(Debug, Clone, PartialEq)]
pub struct GatewayConfig {
    /// Port the gateway says it listens on.
    pub port: u16,
    /// `gateway.auth.mode`, or what the release derives where it is absent.
    pub auth_mode: AuthMode,
    /// `gateway.auth.token` or `OPENCLAW_GATEWAY_TOKEN`.
    pub token: Option<String>,
    /// `gateway.auth.password` or `OPENCLAW_GATEWAY_PASSWORD`.
    pub password: Option<String>,
    /// `gateway.auth.allowTailscale`, resolved.
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
    /// Handshake timeout in milliseconds: `OPENCLAW_HANDSHAKE_TIMEOUT_MS` where the release honours it, else its own.
    pub handshake_timeout_ms: Option<u64>,
    /// `gateway.auth.rateLimit`, where set.
    pub rate_limit: Option<RateLimit>,
    /// `gateway.auth.trustedProxy`, where set.
    pub trusted_proxy: Option<TrustedProxy>,
    /// Sockets that one address may hold open before they have authenticated; the next upgrade is refused with 503
    /// (`OPENCLAW_MAX_PREAUTH_CONNECTIONS_PER_IP`, 32 where not set).
    pub max_preauth_connections_per_ip: u32,
    /// Whether the canvas host runs: `canvasHost.enabled` is not false and `OPENCLAW_SKIP_CANVAS_HOST` is not 1.
    pub canvas_host: bool,
    /// `gateway.nodes.allowCommands`: commands a node may offer beyond those of its platform.
    pub node_allow_commands: Vec<String>,
    /// `gateway.nodes.denyCommands`: commands no node may offer.
    pub node_deny_commands: Vec<String>,
    /// `gateway.nodes.pairing.autoApproveLocal`.
    pub auto_approve_local: bool,
    /// `gateway.nodes.pairing.autoApproveCidrs`: from where new nodes are paired without asking.
    pub auto_approve_cidrs: Vec<String>,
    /// The machine, as the presence list shows it.
    pub host: Host,
    /// Where the configuration lies, as `config.get` and `hello-ok.snapshot.configPath` name it.
    pub config_path: String,
    /// The state directory, as `hello-ok.snapshot.stateDir` names it.
    pub state_dir: String,
    /// The whole configuration as it was read, for `config.get`.
    pub document: Value,
}

impl Default for GatewayConfig {
    /// What a release makes of an empty configuration, but without a secret: a token is mode's default and has to be set.
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

/// The machine a gateway runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its address in the local network, where it has one.
    pub address: Option<String>,
    /// Operating system and version, `linux 6.18`.
    pub platform: String,
    /// Processor, `x64`.
    pub arch: String,
    /// What its maker calls it, where it says so.
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

/// `gateway.auth.trustedProxy`: how a reverse proxy names the user it vouches for.
#[derive(Debug, Clone, PartialEq)]
pub struct TrustedProxy {
    /// The header with the user, as written in the configuration.
    pub user_header: String,
    /// Headers that must be there too.
    pub required_headers: Vec<String>,
    /// The users that are let in; empty lets everybody in.
    pub allow_users: Vec<String>,
    /// Whether one on loopback may vouch, where the release asks.
    pub allow_loopback: bool,
    /// How the devices of its users are paired at once, if they are (2026.9.6 on).
    pub auto_approve: Option<AutoApprove>,
}

/// `gateway.auth.trustedProxy.deviceAutoApprove`, where enabled.
#[derive(Debug, Clone, PartialEq)]
pub struct AutoApprove {
    /// The scopes that are given at most, where the configuration names them.
    pub scopes: Option<Vec<String>>,
}

/// `gateway.auth.rateLimit`.
#[derive(Debug, Clone, PartialEq)]
pub struct RateLimit {
    /// Failures before the lock-out.
    pub max_attempts: u32,
    /// Window in milliseconds.
    pub window_ms: u64,
    /// Length of the lock-out in milliseconds.
    pub lockout_ms: u64,
    /// Whether plain loopback is exempt.
    pub exempt_loopback: bool,
}
