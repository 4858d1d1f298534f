//! Mutation tests of configurations: each is read and resolved as a release does.

use super::Settings;
use super::file::{ConfigFileError, read_config};
use input_mutants::{folder, play};
use miette::Diagnostic as _;
use openclaw_model::releases::KNOWN;

const PLAIN: &str = include_str!("../../../../examples/openclaw.json");
const MORE: &str = r#"// of a person
{
  gateway: {
    mode: 'local', port: 18789, bind: "lan", customBindHost: '10.0.0.1',
    auth: { mode: "password", password: "${PASSWORD}", token: "t-0123456789", allowTailscale: true, rateLimit: { maxAttempts: 3 }, },
    trustedProxies: ["127.0.0.1", "10.0.0.0/8"], allowRealIpFallback: true,
    controlUi: { enabled: true, allowedOrigins: ["https://a.example", "*"], dangerouslyDisableDeviceAuth: true },
    nodes: { allowCommands: ["system.run"], denyCommands: [], browser: { mode: "off" } },
    tls: { enabled: false }, tailscale: { mode: "off" }, reload: { mode: "hybrid" }, handshakeTimeoutMs: 3e4,
  },
  hooks: { enabled: true, token: "another" }, /* and */ agents: { defaults: { model: "a/b" } },
  channels: { telegram: { enabled: true } }, "env": { vars: { A: "b" } },
}
"#;

#[test]
fn configuration_mutants() {
    let directory = folder();
    let path = directory.path().join("openclaw.json");
    let strict = serde_json::to_vec(&json5::from_str::<serde_json::Value>(MORE).unwrap()).unwrap();
    let seeds = [PLAIN.as_bytes().to_vec(), MORE.as_bytes().to_vec(), strict];
    let env =
        [("PASSWORD", "p"), ("OPENCLAW_GATEWAY_TOKEN", "e")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    play(
        "configurations",
        &seeds,
        &["${PASSWORD}", "$${A}", "${A:-b}", "loopback", "trusted-proxy", "none"],
        |input| {
            std::fs::write(&path, input).unwrap();
            match read_config(&path) {
                Ok(config) => {
                    let release = KNOWN[input.len() % KNOWN.len()].release;
                    if let Err(refusal) = Settings::resolve(release, &config.unwrap(), &env) {
                        assert!(!refusal.to_string().is_empty());
                    }
                }
                Err(ConfigFileError::Syntax(error)) => {
                    let shown = error.source_code().unwrap();
                    for label in error.labels().into_iter().flatten() {
                        assert!(shown.read_span(label.inner(), 0, 0).is_ok(), "{label:?}: {error}");
                    }
                }
                Err(_) => {}
            }
        },
    );
}
