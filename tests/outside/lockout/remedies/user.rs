//! A user who follows the text of a remedy exactly.

use super::advice::Remedy;
use super::client::{self, Client, PASSWORD, Secret, TOKEN, call, key, within};
use super::gateway::{Operator, StartableGateway};
use super::lockouts::{ADMIN_TOKEN, LockOut};
use crate::live::cli::{cache, node};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clawcheck::internal::{Auth, ConnectRequest};
use clawcheck::{Running, Sandbox};
use openclaw_emulator::store::SqliteDocuments;
use openclaw_model::Facts;
use openclaw_protocol::store::{Document, Documents as _, StoreFormat};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A locked-out user with a running gateway.
pub(super) struct LockedOutUser<'a> {
    startable: &'a StartableGateway,
    state: TempDir,
    sandbox: Sandbox,
    running: Option<Running>,
    client: Client,
    /// The device token of the client.
    token: Option<String>,
    /// Whether commands run on an admitted device instead of the gateway's machine.
    is_elsewhere: bool,
}

impl<'a> LockedOutUser<'a> {
    /// Starts the gateway of a lock-out.
    ///
    /// # Errors
    ///
    /// The reason why it does not start.
    pub(super) async fn new(startable: &'a StartableGateway, lockout: &LockOut) -> Result<Self, String> {
        let (state, sandbox) = (lockout.state(&startable.release), startable.sandbox());
        let running = startable.start(&sandbox, state.path()).await;
        let running = if lockout.starts { Some(running?) } else { running.ok() };
        let mut user = Self {
            startable,
            state,
            sandbox,
            running,
            client: lockout.client.clone(),
            token: None,
            is_elsewhere: false,
        };
        user.token = lockout.token();
        Ok(user)
    }

    /// Connects the client in its current form.
    pub(super) async fn connects(&mut self) -> Result<(), String> {
        let Some(running) = &self.running else { return Err("the gateway does not run".to_owned()) };
        let connected = self.client.connect(self.startable, running, self.token.clone()).await;
        // A setup code is valid once. Then the client sends the token that it received.
        if connected.is_ok() && self.client.secret == Secret::SetupCode {
            self.client.secret = Secret::Device;
            self.token = self.device_token();
        }
        connected
    }

    pub(super) async fn restart(&mut self) -> Result<(), String> {
        self.leave().await;
        self.running = Some(self.startable.start(&self.sandbox, self.state.path()).await?);
        Ok(())
    }

    /// Stops the gateway.
    pub(super) async fn leave(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.stop(within(20)).await.unwrap();
        }
    }

    /// Applies a remedy.
    ///
    /// # Errors
    ///
    /// A step that is not possible.
    pub(super) async fn apply(&mut self, remedy: &Remedy) -> Result<(), String> {
        self.change_client(&remedy.what);
        let mut request = Err("no list was asked for".to_owned());
        let mut rotated = Value::Null;
        for (number, line) in remedy.how.iter().enumerate() {
            let words = line.split(' ').collect::<Vec<_>>();
            match words.as_slice() {
                ["openclaw", "devices", "list"] => {
                    if remedy.how.get(number + 1).is_some_and(|next| next.contains(" approve ")) {
                        let _ = self.connects().await;
                    }
                    request = self.pending_request().await;
                }
                ["openclaw", "devices", "approve" | "reject", "<request-id>"] => {
                    self.command(&line.replace("<request-id>", &request.clone()?)).await?;
                }
                ["openclaw", "devices", "remove", ..] => drop(self.command(line).await?),
                ["openclaw", "devices", "rotate", ..] => rotated = self.command(line).await?,
                ["the", "new", "token", "is", ..] => {
                    let token = rotated["token"].as_str().ok_or("the output contains no token")?;
                    self.token = Some(token.to_owned());
                }
                ["openclaw", "config", "set", ..] => {
                    let line = line.replace("<secret>", TOKEN);
                    let (command, restarts) =
                        line.split_once(", and restart").map_or((&*line, false), |it| (it.0, true));
                    self.command(command).await?;
                    if restarts {
                        self.restart().await?;
                    }
                }
                ["in", "openclaw.json:", "delete", path, ..] => self.delete(path.trim_end_matches(',')).await?,
                ["or:", ..] => {}
                ["openclaw", "qr", options @ ..] => self.setup_code(!options.is_empty()).await?,
                ["in", "devices/paired.json:", "delete", "the", "entry", id] => {
                    self.forget(id.trim_matches('"')).await?
                }
                ["in", "devices/paired.json:", ..] => self.edit(line.split_once(": ").unwrap().1).await?,
                ["mv", ..] => self.shell(line).await?,
                ["on", "another", "device", ..] => self.is_elsewhere = true,
                ["ssh", ..] | ["gateway.auth.token" | "gateway.auth.password", ..] => {}
                [place, "in", "the", "record", ..] if place.starts_with("tokens.") => {}
                _ => panic!("nobody can do this: {line}"),
            }
        }
        Ok(())
    }

    /// Applies a sentence about the client.
    fn change_client(&mut self, what: &str) {
        let after = |sentence: &str| {
            let lower = what.to_lowercase();
            lower.find(sentence).map(|at| what[at + sentence.len()..].to_owned())
        };
        if let Some(rest) = after("request only the scopes that the device was approved for: ") {
            let rest = rest.split(", then ").next().unwrap();
            self.client.scopes = rest.split(", ").map(str::to_owned).collect();
        }
        let gives = |secret: &str| {
            ["give the client", "pair it again with"].iter().any(|give| after(&format!("{give} {secret}")).is_some())
        };
        if gives("the gateway's token") || gives("this token") {
            self.client.secret = Secret::Token;
        }
        if gives("the gateway's password") {
            self.client.secret = Secret::Password;
        }
        if after("give the client its own device token").is_some() {
            self.client.secret = Secret::Device;
            self.token = self.device_token();
        }
        if after("connect to the gateway's loopback address").or_else(|| after("open the page on localhost")).is_some()
        {
            self.client.headers.clear();
            (self.client.host, self.client.origin, self.client.elsewhere) = (None, None, false);
        }
        if after("a device identity").is_some() {
            self.client.device = Some("a new device");
        }
    }

    /// The id of the newest pending request of the client's device.
    async fn pending_request(&mut self) -> Result<String, String> {
        let list = self.command("openclaw devices list").await?;
        let id = self.client.device.map(|name| key(name).device_id());
        let pending = list["pending"].as_array().cloned().unwrap_or_default();
        let ours = pending.iter().filter(|request| request["deviceId"].as_str() == id.as_deref());
        let newest = ours.max_by_key(|request| request["ts"].as_i64());
        newest.and_then(|request| request["requestId"].as_str()).map(str::to_owned).ok_or(format!("no request: {list}"))
    }

    /// Runs a command of `openclaw`.
    async fn command(&mut self, line: &str) -> Result<Value, String> {
        let words = shlex::split(line).unwrap();
        let words = words.iter().skip(1).map(String::as_str).collect::<Vec<_>>();
        match self.startable.operator {
            Operator::Cli if !self.is_elsewhere => self.cli(&words).await,
            _ => self.call(&words).await,
        }
    }

    /// The command line of the release, on the machine of the gateway.
    async fn cli(&self, words: &[&str]) -> Result<Value, String> {
        let cache = cache();
        let entry = cache.join("openclaw").join(&self.startable.release).join("node_modules/openclaw/openclaw.mjs");
        let port =
            self.running.as_ref().and_then(Running::port).map_or_else(|| "1".to_owned(), |port| port.to_string());
        let mut command = assert_cmd::Command::new(node(&cache));
        command.arg(entry).args(words).env_clear().env("NO_COLOR", "1").env("HOME", self.sandbox.root());
        if words[0] == "devices" {
            command.arg("--json");
        }
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("OPENCLAW_GATEWAY_PORT", port);
        command.env("OPENCLAW_STATE_DIR", self.state.path()).env("TMPDIR", self.sandbox.root().join("tmp"));
        command.env("OPENCLAW_CONFIG_PATH", self.state.path().join("openclaw.json"));
        command.env("NODE_COMPILE_CACHE", cache.join("compiled")).timeout(Duration::from_secs(90));
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        if !output.status.success() {
            return Err(format!("{words:?}: {}: {out}{err}", output.status));
        }
        Ok(serde_json::from_str(&out).unwrap_or(Value::String(out)))
    }

    /// Calls the method of a command with a device that has every scope. `config set` edits the file.
    async fn call(&mut self, words: &[&str]) -> Result<Value, String> {
        let (method, params) = match words {
            ["devices", "list"] => ("device.pair.list", json!({})),
            ["devices", act @ ("approve" | "reject"), id] => (
                if *act == "approve" { "device.pair.approve" } else { "device.pair.reject" },
                json!({ "requestId": id }),
            ),
            ["devices", "remove", id] => ("device.pair.remove", json!({ "deviceId": id })),
            ["devices", "rotate", "--device", id, "--role", role] => {
                ("device.token.rotate", json!({ "deviceId": id, "role": role }))
            }
            ["config", "set", path, value] => return self.set(path, value),
            _ => panic!("no method for {words:?}"),
        };
        let running = self.running.as_ref().ok_or("the gateway does not run")?;
        // If the real `openclaw` is refused, it lists and approves without the gateway.
        let facts = Facts::of(self.startable.release.parse().unwrap()).unwrap();
        let falls_back = facts.client.local_fallback && matches!(words, ["devices", "list" | "approve", ..]);
        let request = self.introduction(self.is_elsewhere || falls_back);
        let link = || running.link(None).unwrap();
        let mut connection = client::open(link, &running.upgrade(), &request, running.now()).await?;
        call(&mut connection, method, params).await
    }

    /// The connect of the device `admin`, or of the `openclaw` of the gateway's machine.
    fn introduction(&self, is_admin: bool) -> ConnectRequest {
        let facts = Facts::of(self.startable.release.parse().unwrap()).unwrap();
        let protocol = i64::from(facts.handshake.protocol);
        let own = if self.state.path().join("identity/device.json").exists() { "server" } else { "the machine" };
        let secrets = Auth { token: Some(TOKEN.to_owned()), password: Some(PASSWORD.to_owned()), ..Auth::default() };
        ConnectRequest {
            protocol: (protocol, protocol),
            role: Some("operator".to_owned()),
            scopes: Some(super::lockouts::EVERY_SCOPE.iter().map(|scope| (*scope).to_owned()).collect()),
            auth: client::as_sent(&facts, Auth { device_token: is_admin.then(|| ADMIN_TOKEN.to_owned()), ..secrets }),
            device: Some(client::device(&facts, if is_admin { "admin" } else { own })),
            ..ConnectRequest::default()
        }
    }

    /// Sets a value of `openclaw.json`. A text that is valid JSON is set as JSON.
    fn set(&self, path: &str, value: &str) -> Result<Value, String> {
        let file = self.state.path().join("openclaw.json");
        let mut config: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
        let mut at = &mut config;
        for name in path.split('.') {
            at = at.as_object_mut().ok_or("not an object")?.entry(name).or_insert_with(|| json!({}));
        }
        *at = value;
        std::fs::write(&file, config.to_string()).unwrap();
        Ok(Value::Null)
    }

    /// Deletes a setting by hand, and starts the gateway.
    async fn delete(&mut self, path: &str) -> Result<(), String> {
        self.leave().await;
        let file = self.state.path().join("openclaw.json");
        let mut config: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let (folder, name) = path.rsplit_once('.').unwrap();
        let section = config.pointer_mut(&format!("/{}", folder.replace('.', "/"))).and_then(Value::as_object_mut);
        section.and_then(|section| section.remove(name)).ok_or("no such setting")?;
        std::fs::write(&file, config.to_string()).unwrap();
        self.restart().await
    }

    /// Changes the client's record by hand.
    async fn edit(&mut self, what: &str) -> Result<(), String> {
        self.leave().await;
        let id = key(self.client.device.ok_or("no device")?).device_id();
        let mut paired = self.document(Document::DevicesPaired);
        if what.starts_with("the entry of the device in devices/pending.json") {
            let pending = self.document(Document::DevicesPending);
            let ours = pending.values().find(|request| request["deviceId"] == json!(id));
            paired.insert(id, ours.ok_or("nothing is pending")?.clone());
        } else {
            let record = paired.get_mut(&id).ok_or("no record")?;
            let scopes = record["scopes"].to_string();
            let text = what.replace("<token>", "\"a-token-by-hand-2f81\"").replace("<scopes>", &scopes);
            let members: Value = serde_json::from_str(&format!("{{{text}}}")).unwrap();
            record.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        }
        self.write(Document::DevicesPaired, paired);
        self.restart().await
    }

    /// Deletes a record by hand.
    async fn forget(&mut self, id: &str) -> Result<(), String> {
        self.leave().await;
        let mut paired = self.document(Document::DevicesPaired);
        paired.remove(id).ok_or("no record")?;
        self.write(Document::DevicesPaired, paired);
        self.restart().await
    }

    /// Creates a setup code, whose token becomes that of the client.
    async fn setup_code(&mut self, needs_url: bool) -> Result<(), String> {
        self.client.secret = Secret::SetupCode;
        if self.startable.operator == Operator::Cli {
            let url: &[&str] = if needs_url { &["--url", "ws://127.0.0.1:18789"] } else { &[] };
            let code = self.cli(&[&["qr", "--setup-code-only"], url].concat()).await?;
            let json = URL_SAFE_NO_PAD.decode(code.as_str().unwrap().trim()).unwrap();
            let code: Value = serde_json::from_slice(&json).unwrap();
            self.token = code["bootstrapToken"].as_str().map(str::to_owned);
            return Ok(());
        }
        let seed = Facts::of(self.startable.release.parse().unwrap()).unwrap().seed;
        let now = self.running.as_ref().ok_or("the gateway does not run")?.now();
        let profile = json!({ "roles": seed.setup_code_roles, "scopes": seed.setup_code_scopes });
        let entry = json!({ "token": "n3w", "ts": now, "profile": profile, "issuedAtMs": now });
        let mut all = self.document(Document::DevicesBootstrap);
        all.insert("n3w".to_owned(), entry);
        self.write(Document::DevicesBootstrap, all);
        self.token = Some("n3w".to_owned());
        Ok(())
    }

    /// Runs a shell command while the gateway is stopped.
    async fn shell(&mut self, line: &str) -> Result<(), String> {
        self.leave().await;
        let line = line.replace("STATE-DIR", self.state.path().to_str().unwrap());
        let words = shlex::split(&line).unwrap();
        assert_cmd::Command::new(&words[0]).args(&words[1..]).assert().success();
        self.restart().await
    }

    /// The token in the record of the client's device.
    fn device_token(&self) -> Option<String> {
        let paired = self.document(Document::DevicesPaired);
        let record = paired.get(&key(self.client.device?).device_id())?;
        record["tokens"][self.client.role]["token"].as_str().map(str::to_owned)
    }

    /// The database, if the release keeps the devices in it. Other releases can have a database for other data.
    fn database(&self) -> Option<SqliteDocuments> {
        let facts = Facts::of(self.startable.release.parse().unwrap()).unwrap();
        (facts.pairing.format == StoreFormat::Sqlite).then(|| SqliteDocuments::new(self.state.path(), true))
    }

    fn document(&self, document: Document) -> Map<String, Value> {
        let value = match self.database() {
            Some(database) => database.read(document).map(|value| (*value).clone()),
            None => std::fs::read(self.state.path().join(document.path()))
                .ok()
                .and_then(|bytes| serde_json::from_slice(&bytes).ok()),
        };
        value.and_then(|value| value.as_object().cloned()).unwrap_or_default()
    }

    fn write(&self, document: Document, value: Map<String, Value>) {
        let value = Value::Object(value);
        match self.database() {
            Some(mut database) => database.write(&[(document, &Arc::new(value))]).unwrap(),
            None => std::fs::write(self.state.path().join(document.path()), value.to_string()).unwrap(),
        }
    }
}
