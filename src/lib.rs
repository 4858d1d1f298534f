//! clawcheck: protocol conformance for OpenClaw gateways.
//!
//! Data flows in one direction: scenario -> cases -> schedule -> (gateway <- client) -> observation -> verdict -> report.
//! `scenario`, `observe` and `judge` use no sockets. Only `cli` prints.
//!
//! Below this crate: `openclaw-protocol` (frames and documents), `openclaw-model` (what a release answers),
//! `openclaw-emulator` (a gateway made of the model), and `untrusted-data` (read and show what others wrote).
//!
//! The program is the product. The library has a small interface for tools that play cases themselves: prepare a
//! [`Gateway`], take [`Case`]s from a [`Corpus`], [`run`] them, and read the [`RunReport`].
//!
//! ```
//! use clawcheck::{Case, Corpus, Gateway, GatewaySpec, Guard, Library, Options, Preparation, Verdict, run};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let corpus = Corpus::embedded()?;
//! let fresh: Vec<&Case> = corpus.cases().iter().filter(|case| case.id.starts_with("fresh-install/")).collect();
//!
//! // An embedded gateway needs no guard. A gateway with processes of its own needs `Guard::of_program`.
//! let preparation = Preparation { guard: Guard::absent(), ..Preparation::default() };
//! let gateway = Gateway::prepare(&GatewaySpec::Embedded(None), &preparation, &|_| {}).await?;
//!
//! let (_stop, stopped) = tokio::sync::watch::channel(false);
//! let end = run(
//!     &fresh,
//!     &gateway,
//!     &Library::built_in()?,
//!     &preparation.guard,
//!     &Options::default(),
//!     stopped,
//!     &mut |_event| Ok(()),
//! )
//! .await?;
//! assert_eq!(end.report.summary.count(Verdict::Conforms), fresh.len());
//! # Ok(())
//! # }
//! ```

mod built_in;
mod capture;
mod cli;
mod client;
mod counted;
mod enumeration;
mod explain;
mod fuzz;
mod gateway;
mod gateway_files;
mod judge;
mod known;
mod locked;
mod machine;
mod markdown;
mod no_follow;
mod observe;
mod output_format;
mod probe;
mod proxy_headers;
mod record;
mod release_ranges;
mod report;
mod run;
mod scenario;
mod shell;
mod suggestions;
mod yaml;

pub use cli::main;
pub use gateway::{
    Capability, Exit, Gateway, GatewaySpec, Guard, Launch, LaunchError, Preparation, PrepareError, PrepareEvent,
    RunDirectory, Running, Sandbox,
};
pub use judge::{Level, Verdict};
pub use observe::snapshot::Library;
pub use run::outcome::{Event, RunReport};
pub use run::{Options, RunEnd, RunError, run};
pub use scenario::{Case, Corpus};

/// What the tests and benches of this repository use as well. It changes without notice.
#[doc(hidden)]
pub mod internal {
    pub use crate::client::connect::{Auth, Challenge, Device};
    pub use crate::client::{ConnectRequest, Connection, Incoming, Link, Reply, Transcript, Upgrade};
    pub use crate::observe::snapshot::{History, Snapshot};
    pub use crate::observe::{Evidence, ObservedStore, diff, normalise};
}
