//! Clients in browsers and behind proxies, without a device.

use crate::probe::connect::Connect;
use crate::probe::context::ProbeContext;
use crate::probe::question::Topic::Proxies;
use crate::probe::question::{Question, Script};

/// An address of a client behind a proxy (RFC 5737).
const CLIENT: &str = "203.0.113.7";

pub(super) const QUESTIONS: &[Question] = &[
    Question::new(
        "origin-other",
        Proxies,
        "a page of another site",
        Script::Connect(|context| origin(context, "https://page.example")),
    ),
    Question::new(
        "origin-own",
        Proxies,
        "a page of the gateway",
        Script::Connect(|context| origin(context, &format!("http://{}", context.authority))),
    ),
    Question::new("origin-null", Proxies, "Origin: null", Script::Connect(|context| origin(context, "null"))),
    Question::new(
        "forwarded-for",
        Proxies,
        "X-Forwarded-For",
        Script::Connect(|context| header(context, "X-Forwarded-For", CLIENT)),
    ),
    Question::new("real-ip", Proxies, "X-Real-IP", Script::Connect(|context| header(context, "X-Real-IP", CLIENT))),
    Question::new(
        "forwarded",
        Proxies,
        "Forwarded",
        Script::Connect(|context| header(context, "Forwarded", &format!("for={CLIENT}"))),
    ),
    Question::new(
        "forwarded-proto",
        Proxies,
        "X-Forwarded-Proto",
        Script::Connect(|context| header(context, "X-Forwarded-Proto", "https")),
    ),
    Question::new(
        "tailscale",
        Proxies,
        "Tailscale-User-Login",
        Script::Connect(|context| header(context, "Tailscale-User-Login", "user@example.com")),
    ),
    Question::new(
        "public-host",
        Proxies,
        "Host: gateway.example",
        Script::Connect(|context| {
            let mut connect = context.plain();
            connect.upgrade.host = Some("gateway.example".to_owned());
            connect
        }),
    ),
];

fn origin(context: &ProbeContext, origin: &str) -> Connect {
    let mut connect = context.plain();
    connect.upgrade.origin = Some(origin.to_owned());
    connect
}

fn header(context: &ProbeContext, name: &str, value: &str) -> Connect {
    let mut connect = context.plain();
    connect.upgrade.headers.push((name.to_owned(), value.to_owned()));
    connect
}
