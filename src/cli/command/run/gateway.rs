//! The gateway under test, and the options of the run on it.

use super::arguments::Run;
use super::arguments::{IsolationOption, PackageVersion};
use crate::cli::CommandError;
use crate::cli::session::Session;
use crate::cli::terminal::console;
use crate::gateway::{self, Gateway, GatewayKind, GatewaySpec, Preparation};
use crate::judge::Level;
use crate::judge::frame_schema::FrameSchema;
use crate::run::{self, Isolation, Options};
use crate::scenario::is_state_directory;
use crate::shell::quoted;
use openclaw_model::Facts;
use std::io::Write as _;
use std::sync::Arc;
use untrusted_data::printable;

impl Run {
    /// Checks that options for a gateway at a URL are not used with another gateway, where they would have no effect.
    pub(super) fn check_attached(&self) -> Result<(), CommandError> {
        let usage = |message: String, help: &str| Err(CommandError::usage(miette::miette!(help = help, "{message}")));
        let attached = matches!(self.gateway, GatewaySpec::Attached(_));
        let release =
            "name the release with the gateway: embedded@2026.4.2, openclaw@2026.4.2, or `claims:` in its description";
        let own = "omit the option: a gateway that clawcheck starts has its own state directory";
        let said = [("--release", self.release.is_some(), release), ("--allow-writes", self.allow_writes, own)];
        if let Some((option, _, help)) = said.into_iter().find(|(_, said, _)| *said && !attached) {
            let gateway = &self.gateway;
            let message = format!("{option} applies only to a gateway at a URL, but clawcheck starts {gateway} itself");
            return usage(message, help);
        }
        if let Some(option) = self.copied.given().filter(|_| attached) {
            let gateway = &self.gateway;
            let message =
                format!("{option} applies only to gateways that clawcheck starts, but {gateway} is already running");
            return usage(message, "omit the option, or pass --gateway embedded or openclaw@RELEASE");
        }
        match &self.state_dir {
            Some(directory) if attached && !directory.is_dir() => usage(
                format!("the state directory {} does not exist", directory.display()),
                "pass the state directory of the gateway (OPENCLAW_STATE_DIR, ~/.openclaw)",
            ),
            Some(directory) if attached && !is_state_directory(directory) => {
                let note = "has no devices/paired.json, state/openclaw.sqlite or identity/device.json. If it is not the state directory of the gateway, \
                            cases that write to the store fail";
                let _ = writeln!(console::stderr(), "note: {} {note}", printable::line(&directory.to_string_lossy()));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether the gateway is neither the embedded gateway nor OpenClaw.
    pub(super) fn is_of_others(&self) -> bool {
        matches!(self.gateway, GatewaySpec::Described(_) | GatewaySpec::Attached(_))
    }

    /// The gateway under test, and the schema that its frames are validated against.
    pub(super) async fn prepare(
        &self,
        session: &Session,
        preparation: &Preparation,
    ) -> Result<(Gateway, Option<FrameSchema>), CommandError> {
        let gateway = session.prepare(&self.gateway, preparation).await?;
        let Some(version) = &self.schema else { return Ok((gateway, None)) };
        let version = version.as_ref().map(|version| version.0.as_str());
        let release = run::release_of(&gateway);
        // The release of the embedded gateway is the release whose rules it uses.
        let own = Facts::of(release).map(|rules| rules.described()).ok();
        let release = own.filter(|_| gateway.profile().kind == GatewayKind::Embedded).unwrap_or(release);
        let show = |event| session.progress.preparing(&event);
        let found = gateway::protocol_schema(release, version, preparation, &show).await?;
        let schema = FrameSchema::parse(&found.package, &found.text)
            .map_err(|error| CommandError::message(&format!("{error} ({})", found.path.display())))?;
        Ok((gateway, Some(schema)))
    }

    pub(super) fn options(&self, gateway: &Gateway, schema: Option<FrameSchema>) -> Options {
        let mut rerun = format!(" --gateway {}", quoted(&self.gateway.to_string()));
        if let Some(directory) = &self.snapshots {
            rerun.push_str(&format!(" --snapshots {}", quoted(&directory.to_string_lossy())));
        }
        for file in &self.known {
            rerun.push_str(&format!(" --known {}", quoted(&file.to_string_lossy())));
        }
        if let Some(directory) = &self.state_dir {
            rerun.push_str(&format!(" --state-dir {}", quoted(&directory.to_string_lossy())));
        }
        rerun.push_str(&self.copied.arguments());
        if let Some(release) = self.release {
            rerun.push_str(&format!(" --release {release}"));
        }
        if self.trust {
            rerun.push_str(" --trust");
        }
        if let Some(level) = self.level {
            rerun.push_str(&format!(" --level {}", Level::from(level)));
        }
        rerun.push_str(&self.timeouts.arguments());
        if self.allow_writes {
            rerun.push_str(" --allow-writes");
        }
        if let Some(version) = &self.schema {
            rerun.push_str(" --schema");
            if let Some(PackageVersion(version)) = version {
                rerun.push_str(&format!("={version}"));
            }
        }
        let usual = Session::options(gateway, self.jobs);
        Options {
            isolation: match self.isolation {
                Some(IsolationOption::Case) => Isolation::Case,
                Some(IsolationOption::Shared) => Isolation::Shared,
                None => usual.isolation,
            },
            schema: schema.map(Arc::new),
            // The texts of OpenClaw are not part of the protocol that another gateway implements.
            level: self.level.map(Level::from).unwrap_or(if gateway.is_known() { Level::Exact } else { Level::Wire }),
            trace: self.trace,
            explain: self.explain,
            mark_seen: self.mark_seen,
            rerun,
            token: std::env::var("CLAWCHECK_TOKEN").ok().filter(|token| !token.is_empty()),
            allow_writes: self.allow_writes,
            ..usual
        }
    }
}
