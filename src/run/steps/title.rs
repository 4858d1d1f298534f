//! The short title of a step, with the names of the scenario. Snapshots and transcripts use it.

use crate::enumeration::enumeration;
use crate::scenario::connect::{
    BootstrapToken, Connect, Credentials, DeviceToken, Proof, ProofVersion, SharedSecret, Signature, Via,
};
use crate::scenario::step::{Await, Frame};
use crate::scenario::{Step, StepKind};
use std::fmt::Write as _;

/// The title of a step.
pub(crate) fn title(step: &Step) -> String {
    let hold = |words: String| step.hold.as_ref().map_or(words.clone(), |name| format!("{words}, held as {name}"));
    match &step.kind {
        StepKind::Connect(connect) => hold(self::connect(connect)),
        StepKind::Open(open) => hold(format!("open a connection{}", via(open.via))),
        StepKind::Send(send) => format!("send {} on {}", frame(&send.frame), send.on),
        StepKind::Call(call) => {
            let wait = if call.wait { "" } else { ", not waiting" };
            format!("call {} on {}{wait}", call.method, call.on)
        }
        StepKind::Approve(kind) => format!("approve {} by {}", kind.device, kind.by),
        StepKind::Reject(kind) => format!("reject {} by {}", kind.device, kind.by),
        StepKind::Remove(kind) => format!("remove {} by {}", kind.device, kind.by),
        StepKind::List(kind) => format!("list by {}", kind.by),
        StepKind::Rotate(kind) => {
            let scopes = kind.scopes.as_ref().map(|scopes| format!(" [{}]", scopes.join(" "))).unwrap_or_default();
            format!("rotate {}'s {} token{scopes} by {}", kind.device, kind.role, kind.by)
        }
        StepKind::Revoke(kind) => format!("revoke {}'s {} token by {}", kind.device, kind.role, kind.by),
        StepKind::Await(Await::Close(name)) => format!("await the close of {name}"),
        StepKind::Await(Await::HandshakeTimeout(name)) => format!("await the handshake timeout of {name}"),
        StepKind::Await(Await::Answer(name)) => format!("await the answer to {name}"),
        StepKind::Await(Await::Event(event)) => format!("await {} on {}", event.name, event.on),
        StepKind::Disconnect(name) => format!("disconnect {name}"),
        StepKind::Stop(_) => "stop the gateway".to_owned(),
        StepKind::Kill(_) => "kill the gateway".to_owned(),
        StepKind::Start(start) => match &start.release {
            Some(release) => format!("start the gateway as {}", release.0),
            None => "start the gateway".to_owned(),
        },
        StepKind::Restart(_) => "restart the gateway".to_owned(),
        StepKind::Edit(_) => "edit the state directory".to_owned(),
        StepKind::Advance(length) => format!("let {} ms pass", length.milliseconds),
        StepKind::Parallel(_) => "side by side".to_owned(),
    }
}

fn connect(connect: &Connect) -> String {
    let mut out = match connect.device.name() {
        Some(name) => format!("connect {name}"),
        None => "connect without a device".to_owned(),
    };
    if let Some(role) = &connect.role {
        let _ = write!(out, " as {role}");
    }
    if let Some(scopes) = &connect.scopes {
        let _ = write!(out, " [{}]", scopes.join(" "));
    }
    let client = &connect.client;
    if client.id.is_some() || client.mode.is_some() {
        let _ = write!(
            out,
            ", client {}/{}",
            client.id.as_deref().unwrap_or("cli"),
            client.mode.as_deref().unwrap_or("cli")
        );
    }
    if let Some(platform) = &client.platform {
        let _ = write!(out, " on {platform}");
    }
    out.push_str(&via(connect.via));
    if let Some(origin) = &connect.origin {
        let _ = write!(out, ", origin {origin}");
    }
    if let Some(credentials) = &connect.auth {
        let _ = write!(out, ", {}", self::credentials(credentials));
    }
    let odd = proof(&connect.proof);
    if !odd.is_empty() {
        let _ = write!(out, ", proof: {odd}");
    }
    out
}

fn via(via: Via) -> String {
    match via {
        Via::Direct => String::new(),
        Via::Nginx => " via nginx".to_owned(),
        Via::Caddy => " via Caddy".to_owned(),
        Via::TailscaleServe => " via Tailscale Serve".to_owned(),
        Via::Cloudflared => " via cloudflared".to_owned(),
        Via::SshTunnel => " via an SSH tunnel".to_owned(),
        Via::OtherHost => " from another host".to_owned(),
    }
}

fn credentials(sent: &Credentials) -> String {
    let shared = |kind: &str, secret: &SharedSecret| match secret {
        SharedSecret::Right => format!("right {kind}"),
        SharedSecret::Wrong => format!("wrong {kind}"),
        SharedSecret::Secret(name) => format!("{kind} {name}"),
        SharedSecret::Text(_) => format!("{kind} as written"),
        SharedSecret::DeviceToken(token) => format!("{} as {kind}", device_token(token)),
    };
    let parts = [
        sent.token.as_ref().map(|secret| shared("token", secret)),
        sent.password.as_ref().map(|secret| shared("password", secret)),
        sent.device_token.as_ref().map(device_token),
        sent.bootstrap_token.as_ref().map(|token| match token {
            BootstrapToken::Wrong => "wrong bootstrap token".to_owned(),
            BootstrapToken::Seeded(name) => format!("bootstrap token {name}"),
            BootstrapToken::Text(_) => "bootstrap token as written".to_owned(),
        }),
    ];
    let parts = parts.into_iter().flatten().collect::<Vec<_>>();
    if parts.is_empty() { "no credentials".to_owned() } else { enumeration(&parts) }
}

fn device_token(token: &DeviceToken) -> String {
    match token {
        DeviceToken::Last => "last device token".to_owned(),
        DeviceToken::Seeded => "seeded device token".to_owned(),
        DeviceToken::Wrong => "wrong device token".to_owned(),
        DeviceToken::From(step) => format!("device token of {step}"),
        DeviceToken::Of(owner) => format!("{}'s {} token", owner.device, owner.role),
        DeviceToken::Text(_) => "device token as written".to_owned(),
    }
}

/// The parts of a proof that differ from the default.
fn proof(sent: &Proof) -> String {
    let right = Proof::default();
    let mut odd = Vec::new();
    // The clients of most releases sign v3.
    if let Some(version) = sent.version.filter(|version| *version != ProofVersion::V3) {
        odd.push(format!("{version:?}").to_lowercase());
    }
    if sent.nonce != right.nonce {
        odd.push("another nonce".to_owned());
    }
    if let Some(offset) = &sent.clock_offset {
        odd.push(format!("signed {:+} ms off", offset.milliseconds));
    }
    if let Some(key) = &sent.key {
        odd.push(format!("signed by {key}"));
    }
    match sent.signature {
        Signature::Right => {}
        Signature::Damaged => odd.push("damaged signature".to_owned()),
        Signature::Absent => odd.push("no signature".to_owned()),
    }
    if sent.id != right.id {
        odd.push("another id".to_owned());
    }
    if sent.public_key != right.public_key {
        odd.push(format!("{} key", format!("{:?}", sent.public_key).to_lowercase()));
    }
    odd.join(", ")
}

fn frame(frame: &Frame) -> String {
    match frame {
        Frame::Text(text) => format!("{} bytes of text", text.len()),
        Frame::Json(_) => "a JSON frame".to_owned(),
        Frame::Base64(bytes) => format!("a binary frame of {} bytes", bytes.0.len()),
        Frame::Filler(bytes) => format!("{bytes} bytes of filler"),
    }
}
