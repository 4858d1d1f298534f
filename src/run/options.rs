//! The options of a run, and the reasons why it cannot be completed.

use crate::gateway::{GatewayKind, LaunchError};
use crate::judge::Level;
use crate::judge::frame_schema::FrameSchema;
use crate::known::KnownDeviations;
use crate::observe::snapshot::LibraryError;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use untrusted_data::Redactions;

/// Whether cases share gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// Every case has its own gateway.
    #[default]
    Case,
    /// Cases share a gateway if sharing does not change what they observe.
    Shared,
}

impl Isolation {
    /// The default for a kind of gateway. Processes are shared because they take long to start.
    pub fn usual(kind: GatewayKind) -> Self {
        match kind {
            GatewayKind::Spawned => Self::Shared,
            GatewayKind::Embedded | GatewayKind::Attached => Self::Case,
        }
    }

    /// The name in reports and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::Shared => "shared",
        }
    }
}

/// The options of a run.
#[derive(Clone, Default)]
pub struct Options {
    /// Whether cases share gateways. It has no effect on a gateway at a URL.
    pub isolation: Isolation,
    /// Whether an observation on a shared gateway is final even if the case deviates. `false` plays such a case again
    /// on its own gateway.
    pub trusting: bool,
    /// Number of gateways that run at the same time. At least 1.
    pub jobs: usize,
    /// How strictly the gateway is compared with the snapshots.
    pub level: Level,
    /// Whether every case keeps its transcript.
    pub trace: bool,
    /// Whether the model explains the failing steps of each failing case.
    pub explain: bool,
    /// Whether a conforming case on a real release proposes a snapshot if its snapshot was only seen on the embedded
    /// gateway.
    pub mark_seen: bool,
    /// The shared token of a gateway at a URL.
    pub token: Option<String>,
    /// Whether the run may write to a gateway at a URL.
    pub allow_writes: bool,
    /// The schema that every frame from the gateway is validated against.
    pub schema: Option<Arc<FrameSchema>>,
    /// The arguments that play a case the same way again: ` --gateway openclaw@2026.3.31`.
    pub rerun: String,
    /// The known deviations of the gateway.
    pub known: Arc<KnownDeviations>,
    /// The secrets that the caller knows. No output of the run contains them.
    pub secrets: Redactions,
}

/// The reason why a run could not be completed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The temporary directory of the run could not be created.
    #[error("not enough disk space for the run: {0}")]
    RunDirectory(io::Error),
    /// The gateway at the URL is not reachable, or it is not a gateway.
    #[error(transparent)]
    NoGateway(#[from] LaunchError),
    /// The gateway at the URL has a different shared token.
    #[error("the gateway does not accept CLAWCHECK_TOKEN")]
    Token,
    /// The gateway at the URL keeps its pairing store elsewhere than in this directory, or nowhere, or it writes its store
    /// late.
    #[error(
        "{} is not the state directory of the gateway, or the gateway writes its store late: the gateway lists a device \
         that it paired {} s ago, and the directory does not contain this device",
        directory.display(),
        waited.as_secs()
    )]
    OtherStore {
        /// The directory that the user named.
        directory: PathBuf,
        /// How long the record of the device was awaited.
        waited: Duration,
    },
    /// The pairing store of the gateway at the URL cannot be read.
    #[error("cannot read the pairing store of the gateway: {}", .0.display())]
    UnreadableStore(PathBuf),
    /// The snapshots could not be read or written.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// A report could not be written.
    #[error("cannot write the report: {0}")]
    Report(io::Error),
}
