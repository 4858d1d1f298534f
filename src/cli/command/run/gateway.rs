//! The gateway under test, and the options of the run on it.

use super::arguments::Run;
use super::arguments::{IsolationOption, PackageVersion};
use crate::cli::CommandError;
use crate::cli::options::plan_options;
use crate::cli::session::Session;
use crate::gateway::{self, Gateway, GatewayKind, GatewaySpec, Preparation};
use crate::judge::Level;
use crate::judge::frame_schema::FrameSchema;
use crate::run::{self, Isolation, Options};
use crate::shell::quoted;
use openclaw_model::Facts;
use std::sync::Arc;

impl Run {
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
        let mut rerun = format!(" --gateway {}{}", quoted(&self.gateway.to_string()), self.plan.arguments());
        if self.trust {
            rerun.push_str(" --trust");
        }
        if let Some(level) = self.level {
            rerun.push_str(&format!(" --level {}", Level::from(level)));
        }
        rerun.push_str(&self.timeouts.arguments());
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
            token: plan_options::token(),
            allow_writes: self.plan.allow_writes,
            ..usual
        }
    }
}
