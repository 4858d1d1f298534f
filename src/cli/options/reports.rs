//! `--report`: the kinds and destinations of reports, and their writers.

use crate::cli::CommandError;
use crate::report::github::Job;
use crate::report::{Delivery, Destination, Github, Json, Junit, Listener, Markdown};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The listeners for the events of a run.
pub(in crate::cli) type Listeners = Vec<Box<dyn Listener + Send>>;

/// `json=report.json`, `github`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum ReportOption {
    /// A document in a file, or `-` for standard output.
    File(FileKind, PathBuf),
    /// Workflow commands, and the summary of the step.
    Github,
}

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum FileKind {
    Json,
    Junit,
    Markdown,
}

impl FileKind {
    const NAMED: [(&str, Self); 3] = [("json", Self::Json), ("junit", Self::Junit), ("markdown", Self::Markdown)];
}

/// The valid values of the report option.
const EXPECTED: &str = "expected json=FILE, junit=FILE, markdown=FILE or github";

impl FromStr for ReportOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = text.split_once('=').map_or((text, None), |(name, file)| (name, Some(file)));
        let kind = FileKind::NAMED.into_iter().find(|(known, _)| *known == name).map(|(_, kind)| kind);
        match (kind, file) {
            (None, None) if name == "github" => Ok(Self::Github),
            (None, Some(_)) if name == "github" => {
                Err("`github` writes to the log and to the summary of the step; omit the file".to_owned())
            }
            (None, _) => Err(format!("unknown report kind `{name}`; {EXPECTED}")),
            (Some(_), None | Some("")) => {
                Err(format!("the file is missing; expected {name}=FILE, or {name}=- for standard output"))
            }
            (Some(kind), Some(file)) => Ok(Self::File(kind, PathBuf::from(file))),
        }
    }
}

/// The reports of a run, before anything is written.
#[derive(Debug)]
pub(in crate::cli) struct Reports {
    files: Vec<(FileKind, Destination)>,
    github: bool,
}

impl Reports {
    /// The reports that the options ask for.
    ///
    /// # Errors
    /// The destination of a report cannot be determined.
    pub(in crate::cli) fn find(options: &[ReportOption]) -> io::Result<Self> {
        let mut reports = Self { files: Vec::new(), github: false };
        for option in options {
            match option {
                ReportOption::File(kind, path) => reports.files.push((*kind, Destination::find(path)?)),
                ReportOption::Github => reports.github = true,
            }
        }
        Ok(reports)
    }

    /// A file that two reports would be written to.
    fn written_twice(&self) -> Option<&Path> {
        let mut seen = BTreeSet::new();
        self.files.iter().find_map(|(_, to)| match to {
            Destination::File(path) if !seen.insert(std::path::absolute(path).ok()) => Some(path.as_path()),
            _ => None,
        })
    }

    /// Whether a report goes to standard output, which then contains nothing else.
    ///
    /// # Errors
    /// More than one report goes there, or to the same file.
    pub(in crate::cli) fn use_stdout(&self) -> Result<bool, CommandError> {
        if let Some(path) = self.written_twice() {
            return Err(CommandError::usage(miette::miette!(
                help = "write each report to a file of its own",
                "two reports would be written to {}",
                path.display()
            )));
        }
        match self.files.iter().filter(|(_, to)| *to == Destination::Stdout).count() {
            0 | 1 => Ok(self.files.iter().any(|(_, to)| *to == Destination::Stdout)),
            _ => Err(CommandError::usage(miette::miette!(
                help = "write one of them to a file",
                "only one report can go to standard output"
            ))),
        }
    }

    /// The listeners that write the reports, and the reports that are written to streams. Annotations for GitHub are written
    /// to `out`.
    ///
    /// # Errors
    /// A report cannot be written.
    pub(in crate::cli) fn open(self, out: impl Write + Send + 'static) -> io::Result<(Listeners, Vec<Delivery>)> {
        let (mut listeners, mut deliveries): (Listeners, _) = (Vec::new(), Vec::new());
        for (kind, destination) in self.files {
            let (sink, delivery) = destination.open()?;
            let listener: Box<dyn Listener + Send> = match kind {
                FileKind::Json => Box::new(Json::new(sink)),
                FileKind::Junit => Box::new(Junit::new(sink)),
                FileKind::Markdown => Box::new(Markdown::new(sink)),
            };
            listeners.push(listener);
            deliveries.extend(delivery);
        }
        if self.github {
            listeners.push(Box::new(Github::new(out, job()?)));
        }
        Ok((listeners, deliveries))
    }
}

/// The job that GitHub describes in the environment. Outside of GitHub, the checkout is the working directory.
fn job() -> io::Result<Job> {
    let path =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(|value: OsString| value.into());
    let checkout = match path("GITHUB_WORKSPACE") {
        Some(checkout) => checkout,
        None => std::env::current_dir()?,
    };
    let token = getrandom::u64().map_err(|error| io::Error::other(format!("cannot generate a token: {error}")))?;
    Ok(Job { checkout, step_summary: path("GITHUB_STEP_SUMMARY"), token: format!("clawcheck-{token:016x}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("json=report.json", Ok(ReportOption::File(FileKind::Json, "report.json".into())))]
    #[case("junit=a=b.xml", Ok(ReportOption::File(FileKind::Junit, "a=b.xml".into())))]
    #[case("markdown=-", Ok(ReportOption::File(FileKind::Markdown, "-".into())))]
    #[case("github", Ok(ReportOption::Github))]
    #[case("github=x", Err("omit the file"))]
    #[case("junit", Err("expected junit=FILE, or junit=- for standard output"))]
    #[case("junit=", Err("expected junit=FILE"))]
    #[case("xml=x", Err("unknown report kind `xml`; expected json=FILE, junit=FILE, markdown=FILE or github"))]
    fn options_are_read(#[case] text: &str, #[case] expected: Result<ReportOption, &str>) {
        match (text.parse::<ReportOption>(), expected) {
            (Ok(read), Ok(expected)) => assert_eq!(read, expected),
            (Err(error), Err(says)) => assert!(error.contains(says), "{error}"),
            (read, _) => panic!("{read:?}"),
        }
    }

    #[test]
    fn only_one_report_on_stdout() {
        let reports = |options: &[&str]| {
            let options = options.iter().map(|option| option.parse().unwrap()).collect::<Vec<_>>();
            Reports::find(&options).unwrap().use_stdout()
        };
        assert!(!reports(&["json=report.json", "github"]).unwrap());
        assert!(reports(&["json=report.json", "junit=-"]).unwrap());
        assert!(reports(&["json=/dev/stdout", "junit=-"]).is_err());
    }
}
