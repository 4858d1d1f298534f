//! The options that decide, together with the gateway and the selected cases, which cases a run plays.

use crate::cli::CommandError;
use crate::cli::help::{COMPARISON, STATE_DIR};
use crate::cli::options::copied_state::{CopiedState, Verdicts, add_release_of};
use crate::cli::options::snapshots::{self, Snapshots};
use crate::cli::terminal::console;
use crate::explain::StateDirectory;
use crate::gateway::{GatewaySpec, Preparation};
use crate::gateway_files::{is_state_directory, not_a_state_directory};
use crate::known::KnownDeviations;
use crate::scenario::{Case, Corpus};
use crate::shell::quoted;
use openclaw_model::Release;
use std::io::Write as _;
use std::path::PathBuf;
use untrusted_data::printable;

/// The options of `run` and `list` that decide which cases are played.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct PlanOptions {
    /// List of known deviations, which do not fail the run (repeatable)
    ///
    /// `clawcheck accept --known` writes such a list, and `clawcheck schema known` prints its JSON Schema. A gateway
    /// description can also contain a list.
    #[arg(long, value_name = "FILE", help_heading = COMPARISON)]
    known: Vec<PathBuf>,
    /// Folder with the snapshots [default: the folder `snapshots` next to the scenarios, or the built-in snapshots]
    #[arg(long, value_name = "DIR", help_heading = COMPARISON)]
    pub(in crate::cli) snapshots: Option<PathBuf>,
    /// State directory of the gateway at a URL, or a state directory to copy for the cases
    ///
    /// For a gateway at a URL, clawcheck reads the pairing store from DIR. For a gateway that clawcheck starts, a copy of
    /// the pairing store in DIR replaces the store of each case, and the settings in the openclaw.json of DIR replace the
    /// settings of each case. clawcheck generates a key for each device of the copy, so every device can connect. With a
    /// copy, clawcheck checks only the expectations of the cases, not the snapshots. clawcheck does not write to DIR.
    #[arg(long, value_name = "DIR", help_heading = STATE_DIR)]
    state_dir: Option<PathBuf>,
    #[command(flatten)]
    copied: CopiedState,
    /// Release that a gateway at a URL is compared with [default: `server.version` of its hello-ok, or the newest known release]
    #[arg(long, value_name = "RELEASE", help_heading = COMPARISON)]
    release: Option<Release>,
    /// Allow the run to write to a gateway at a URL
    #[arg(long)]
    pub(in crate::cli) allow_writes: bool,
}

/// The selected cases, or those of them that can be played on a copy of a state directory.
pub(in crate::cli) enum CasesToPlay<'a> {
    Selected(Vec<&'a Case>),
    OnCopy(Vec<Case>),
}

impl CasesToPlay<'_> {
    pub(in crate::cli) fn all(&self) -> Vec<&Case> {
        match self {
            Self::Selected(cases) => cases.clone(),
            Self::OnCopy(cases) => cases.iter().collect(),
        }
    }
}

/// The shared token of a gateway at a URL, if the user has set it.
pub(in crate::cli) fn token() -> Option<String> {
    std::env::var("CLAWCHECK_TOKEN").ok().filter(|token| !token.is_empty())
}

impl PlanOptions {
    /// Checks that options for a gateway at a URL are not used with another gateway, where they would have no effect.
    ///
    /// # Errors
    /// An option does not apply to the gateway.
    pub(in crate::cli) fn check(&self, gateway: &GatewaySpec) -> Result<(), CommandError> {
        let usage = |message: String, help: &str| Err(CommandError::usage(miette::miette!(help = help, "{message}")));
        let attached = matches!(gateway, GatewaySpec::Attached(_));
        let release =
            "name the release with the gateway: embedded@2026.4.2, openclaw@2026.4.2, or `claims:` in its description";
        let own = "omit the option: a gateway that clawcheck starts has its own state directory";
        let given = [("--release", self.release.is_some(), release), ("--allow-writes", self.allow_writes, own)];
        if let Some((option, _, help)) = given.into_iter().find(|(_, given, _)| *given && !attached) {
            let message = format!("{option} applies only to a gateway at a URL, but clawcheck starts {gateway} itself");
            return usage(message, help);
        }
        if let Some(option) = self.copied.given().filter(|_| attached) {
            let message =
                format!("{option} applies only to gateways that clawcheck starts, but {gateway} is already running");
            return usage(message, "omit the option, or pass --gateway embedded or openclaw@RELEASE");
        }
        match &self.state_dir {
            Some(directory) if attached && !directory.is_dir() => {
                let (message, help) = not_a_state_directory(directory);
                usage(message, &help)
            }
            // With --allow-writes, the run pairs a device and looks for its record.
            Some(directory) if attached && !self.allow_writes && !is_state_directory(directory) => {
                let note = "has no devices/paired.json, state/openclaw.sqlite or identity/device.json. If it is not the \
                            state directory of the gateway, clawcheck does not see what the gateway writes";
                let _ = writeln!(console::stderr(), "note: {} {note}", printable::line(&directory.to_string_lossy()));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The lists of known deviations.
    ///
    /// # Errors
    /// A list is not valid.
    pub(in crate::cli) fn known(
        &self,
        gateway: &GatewaySpec,
        corpus: &Corpus,
    ) -> Result<KnownDeviations, CommandError> {
        super::known::load(&self.known, gateway, corpus)
    }

    /// The state directory to copy, and the gateway. An embedded gateway without a release gets the release of the directory.
    ///
    /// # Errors
    /// The state directory or the configuration cannot be read.
    pub(in crate::cli) fn copied(
        &self,
        gateway: &GatewaySpec,
    ) -> Result<(Option<StateDirectory>, GatewaySpec), CommandError> {
        let state = match gateway {
            GatewaySpec::Attached(_) => None,
            _ => self.copied.read(self.state_dir.as_deref())?,
        };
        let mut gateway = gateway.clone();
        add_release_of(state.as_ref(), std::slice::from_mut(&mut gateway));
        Ok((state, gateway))
    }

    /// The cases, and their snapshots. `state` is the state directory to copy, and `paths` are those of the scenarios.
    ///
    /// # Errors
    /// The state directory or the snapshots cannot be used.
    pub(in crate::cli) fn cases<'a>(
        &self,
        state: Option<&StateDirectory>,
        cases: Vec<&'a Case>,
        paths: &[PathBuf],
    ) -> Result<(CasesToPlay<'a>, Snapshots), CommandError> {
        self.snapshots.as_deref().map_or(Ok(()), snapshots::must_exist)?;
        let directory = self.state_dir.as_deref();
        let on_copy =
            state.map(|state| self.copied.cases(state, directory, &cases, Verdicts::Expectations)).transpose()?;
        let snapshots = match (&on_copy, &self.snapshots) {
            // The snapshots are about the stores of the scenarios.
            (Some(_), None) => Snapshots::none(),
            _ => Snapshots::find(self.snapshots.as_deref(), paths)?,
        };
        Ok((on_copy.map_or(CasesToPlay::Selected(cases), CasesToPlay::OnCopy), snapshots))
    }

    /// Adds what these options say about the gateway.
    pub(in crate::cli) fn preparation(&self, preparation: Preparation) -> Preparation {
        Preparation { state_dir: self.state_dir.clone(), claims: self.release, ..preparation }
    }

    /// The same options as arguments, for a command line.
    pub(in crate::cli) fn arguments(&self) -> String {
        let mut arguments = String::new();
        if let Some(directory) = &self.snapshots {
            arguments.push_str(&format!(" --snapshots {}", quoted(&directory.to_string_lossy())));
        }
        for file in &self.known {
            arguments.push_str(&format!(" --known {}", quoted(&file.to_string_lossy())));
        }
        if let Some(directory) = &self.state_dir {
            arguments.push_str(&format!(" --state-dir {}", quoted(&directory.to_string_lossy())));
        }
        arguments.push_str(&self.copied.arguments());
        if let Some(release) = self.release {
            arguments.push_str(&format!(" --release {release}"));
        }
        if self.allow_writes {
            arguments.push_str(" --allow-writes");
        }
        arguments
    }
}
