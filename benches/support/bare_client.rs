//! The same frames without the harness: a tokio-tungstenite client and server that implement only this exchange.
//!
//! Upgrade, challenge, `connect` with a signed proof, `hello-ok`, a ping and its pong, and the close handshake, through
//! an in-memory pipe like that of the embedded gateway. The client signs the server's nonce, and the server verifies
//! the signature. The `hello-ok` is a recorded answer of the embedded gateway to this client.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clawcheck::{Gateway, GatewaySpec, Guard, Launch, Preparation, RunDirectory};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use futures_util::{SinkExt as _, StreamExt as _};
use openclaw_protocol::identity;
use openclaw_protocol::proof::{Proof, ProofVersion};
use serde::Deserialize;
use serde_json::json;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{accept_async, client_async};

const SCOPE: &str = "operator.approvals";
const TOKEN: &str = "a-shared-token-of-forty-three-characters-00";
/// The maximum number of bytes in transit in each direction, as in the embedded gateway's pipe.
const PIPE: usize = 64 * 1024;

/// The keys and the recorded `hello-ok` of the exchange.
pub(crate) struct BareClient {
    key: SigningKey,
    public_key: String,
    device_id: String,
    hello: String,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    payload: Challenge<'a>,
}

#[derive(Deserialize)]
struct Challenge<'a> {
    nonce: &'a str,
    ts: i64,
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    params: Params<'a>,
}

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    device: Device<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Device<'a> {
    public_key: Cow<'a, str>,
    signature: Cow<'a, str>,
    signed_at: i64,
}

#[derive(Deserialize)]
struct Response {
    ok: bool,
}

impl BareClient {
    /// Records the answer of the embedded gateway.
    pub(crate) fn new(runtime: &Runtime) -> Self {
        let key = SigningKey::from_bytes(&[7; 32]);
        let raw = key.verifying_key().to_bytes();
        let public_key = URL_SAFE_NO_PAD.encode(raw);
        let mut bare = Self { key, public_key, device_id: identity::device_id(&raw), hello: String::new() };
        bare.hello = runtime.block_on(bare.ask_embedded());
        bare
    }

    async fn ask_embedded(&self) -> String {
        let spec = GatewaySpec::Embedded(Some(super::RELEASE));
        let preparation = Preparation { guard: Guard::absent(), ..Preparation::default() };
        let gateway = Gateway::prepare(&spec, &preparation, &|_| {}).await.unwrap();
        let sandbox = RunDirectory::new(&Guard::absent()).unwrap().sandbox().unwrap();
        let auth = json!({ "gateway": { "auth": { "mode": "token", "token": TOKEN } } });
        let launch = Launch {
            sandbox: &sandbox,
            state_dir: None,
            openclaw_json: auth,
            environment: BTreeMap::new(),
            clock: Some(1_775_000_000_000),
            trace: None,
            deadline: tokio::time::Instant::now() + Duration::from_secs(10),
        };
        let running = gateway.launch(launch).await.unwrap();
        let clawcheck::internal::Link::Pipe { stream, .. } = running.link(None).unwrap() else { unreachable!() };
        self.client(stream).await
    }

    /// One exchange, from the creation of the pipe to the end of both sides.
    pub(crate) async fn exchange(&self) {
        let (client, server) = tokio::io::duplex(PIPE);
        tokio::join!(self.client(client), self.server(server));
    }

    fn signed(&self, nonce: &str, at: i64) -> String {
        let scopes = [SCOPE.to_owned()];
        let proof = Proof {
            device_id: &self.device_id,
            client_id: "gateway-client",
            client_mode: "backend",
            role: "operator",
            scopes: &scopes,
            signed_at_ms: at,
            token: TOKEN,
            nonce,
            platform: Some("linux"),
            device_family: None,
        };
        proof.payload(ProofVersion::V3)
    }

    /// Returns the answer to its `connect`.
    async fn client<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> String {
        let (mut socket, _) = client_async("ws://127.0.0.1:18789/", stream).await.unwrap();
        let challenge = socket.next().await.unwrap().unwrap();
        let event: Event<'_> = serde_json::from_str(challenge.to_text().unwrap()).unwrap();
        let Challenge { nonce, ts } = event.payload;
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(self.signed(nonce, ts).as_bytes()).to_bytes());
        let connect = format!(
            r#"{{"type":"req","id":"1","method":"connect","params":{{"minProtocol":3,"maxProtocol":3,"client":{{"id":"gateway-client","version":"1.0.0","platform":"linux","mode":"backend"}},"role":"operator","scopes":["{SCOPE}"],"device":{{"id":"{}","publicKey":"{}","signature":"{signature}","signedAt":{ts},"nonce":"{nonce}"}},"auth":{{"token":"{TOKEN}"}}}}}}"#,
            self.device_id, self.public_key
        );
        socket.send(Message::text(connect)).await.unwrap();
        let answer = socket.next().await.unwrap().unwrap();
        assert!(serde_json::from_str::<Response>(answer.to_text().unwrap()).unwrap().ok);
        socket.send(Message::Ping(Bytes::from_static(b"clawcheck"))).await.unwrap();
        assert!(matches!(socket.next().await, Some(Ok(Message::Pong(_)))));
        let normal = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        socket.send(Message::Close(Some(normal))).await.unwrap();
        while socket.next().await.is_some() {}
        answer.into_text().unwrap().to_string()
    }

    async fn server<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) {
        let mut socket = accept_async(stream).await.unwrap();
        let mut random = [0; 16];
        getrandom::fill(&mut random).unwrap();
        let nonce = openclaw_protocol::ids::uuid(random);
        let challenge = format!(
            r#"{{"type":"event","event":"connect.challenge","payload":{{"nonce":"{nonce}","ts":1775000000005}}}}"#
        );
        socket.send(Message::text(challenge)).await.unwrap();
        let connect = socket.next().await.unwrap().unwrap();
        let request: Request<'_> = serde_json::from_str(connect.to_text().unwrap()).unwrap();
        let device = request.params.device;
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let key = VerifyingKey::try_from(decoded(&device.public_key).as_slice()).unwrap();
        let signature = Signature::from_slice(&decoded(&device.signature)).unwrap();
        key.verify_strict(self.signed(&nonce, device.signed_at).as_bytes(), &signature).unwrap();
        socket.send(Message::text(self.hello.as_str())).await.unwrap();
        while socket.next().await.is_some() {}
    }
}
