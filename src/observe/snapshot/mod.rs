//! Snapshots: approved observations in files that people and insta can read.
//!
//! ```text
//! ---
//! expression: "role-upgrade/direct#mode=token"
//! info:
//!   release: "2026.3.31"
//!   seen:
//!     - "2026.3.31"
//! ---
//! connect laptop as operator [operator.read]
//!   <- hello-ok  protocol 3  role operator  ...
//! ```
//!
//! `release` is the first release with this observation. The file applies to this release and all later ones, up to the
//! next snapshot of the case ([`History`]). `seen` lists the real releases that were run with this observation. An
//! empty list marks a draft that only the embedded gateway has shown.

mod history;
mod library;
#[cfg(test)]
mod mutants;

pub use history::History;
pub(crate) use history::Variant;
pub use library::Library;
pub(crate) use library::{FileChange, LibraryError, Origin, Proposal, Proposed};

use crate::yaml::explain;
use openclaw_model::Release;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use untrusted_data::printable;

/// One snapshot file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The id of its case.
    pub case: String,
    /// The first release with this observation.
    pub release: Release,
    /// The real releases that were run with this observation.
    pub seen: BTreeSet<Release>,
    /// The observation as text. Ends with one newline.
    pub text: String,
}

/// The reason why a file is not a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The first line is not `---`, or the second `---` is missing.
    #[error("the header is missing; expected it between two lines `---` at the start")]
    NoHeader,
    /// The header is invalid.
    #[error("invalid header: {0}")]
    Header(String),
    /// The file name contains a different release than the header.
    #[error("the header names release {header}, but the file name says {name}")]
    Release {
        /// The release in the header.
        header: Release,
        /// The release in the name.
        name: Release,
    },
    /// The file name contains a different case than the header: the file was copied.
    #[error("the header names the case `{header}`, but the file name says `{name}`")]
    Case {
        /// The case in the header.
        header: String,
        /// The case in the name.
        name: String,
    },
}

#[derive(Deserialize)]
struct Header {
    expression: String,
    info: Info,
}

#[derive(Deserialize)]
struct Info {
    release: String,
    #[serde(default)]
    seen: Vec<String>,
}

impl Snapshot {
    /// Reads a snapshot file.
    ///
    /// # Errors
    /// Returns an error if the file is not a snapshot.
    pub fn parse(file: &str) -> Result<Self, SnapshotError> {
        let file = without_returns(file);
        let rest = file.strip_prefix("---\n").ok_or(SnapshotError::NoHeader)?;
        let (header, body) = rest.split_once("\n---\n").ok_or(SnapshotError::NoHeader)?;
        let header: Header =
            serde_saphyr::from_str(header).map_err(|error| SnapshotError::Header(explain(&error).message))?;
        let release =
            |text: &str| text.parse::<Release>().map_err(|error| SnapshotError::Header(first_line(&error.to_string())));
        Ok(Self {
            case: header.expression,
            release: release(&header.info.release)?,
            seen: header.info.seen.iter().map(|seen| release(seen)).collect::<Result<_, _>>()?,
            text: text(body),
        })
    }

    /// The text of the file. [`Snapshot::parse`] reads it.
    pub fn render(&self) -> String {
        let expression = printable::yaml(&self.case);
        let mut out = format!("---\nexpression: {expression}\ninfo:\n  release: \"{}\"\n", self.release);
        if self.seen.is_empty() {
            out.push_str("  seen: []\n");
        } else {
            out.push_str("  seen:\n");
            for release in &self.seen {
                let _ = writeln!(out, "    - \"{release}\"");
            }
        }
        let _ = write!(out, "---\n{}", text(&printable::block(&self.text)));
        out
    }
}

/// The file with Unix line ends, whatever an editor made of them. A file can end without a newline and is written with
/// one, so a carriage return before the end must not combine with the added newline.
fn without_returns(file: &str) -> String {
    file.split('\n').map(|line| line.trim_end_matches('\r')).collect::<Vec<_>>().join("\n")
}

/// A text with exactly one newline at its end. Editors and insta differ in this.
fn text(body: &str) -> String {
    format!("{}\n", body.trim_end_matches('\n'))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn release() -> impl Strategy<Value = Release> {
        (1u16..13, 1u16..40).prop_map(|(month, patch)| Release::new(2026, month, patch))
    }

    proptest! {
        #[test]
        fn round_trip(
            case in "[a-z-]{1,12}/[a-z-]{1,12}(#[a-z=,:\"' -]{1,20})?",
            release in release(),
            seen in prop::collection::btree_set(release(), 0..4),
            lines in prop::collection::vec("[ -~äß€<>]{0,40}", 1..8),
        ) {
            let snapshot = Snapshot { case, release, seen, text: text(&lines.join("\n")) };
            prop_assert_eq!(Snapshot::parse(&snapshot.render()), Ok(snapshot));
        }
    }

    #[test]
    fn reads_file_written_by_insta() {
        let file = "---\nsource: tests/x.rs\nexpression: a/b\ninfo:\n  release: 2026.3.31\n  seen:\n    - 2026.4.1\n---\nconnect\r\n  <- close\n\n";
        let snapshot = Snapshot::parse(file).unwrap();
        assert_eq!(snapshot.release, Release::new(2026, 3, 31));
        assert_eq!(snapshot.seen, [Release::new(2026, 4, 1)].into());
        assert_eq!(snapshot.text, "connect\n  <- close\n");
    }

    #[test]
    fn reads_file_with_crlf_end() {
        for end in ["\r", "\r\r\n", "\n\r"] {
            let snapshot =
                Snapshot::parse(&format!("---\nexpression: a/b\ninfo:\n  release: 2026.3.31\n---\nconnect{end}"))
                    .unwrap();
            assert_eq!(Snapshot::parse(&snapshot.render()), Ok(snapshot), "{end:?}");
        }
    }

    #[test]
    fn error_says_what_is_wrong() {
        assert_eq!(Snapshot::parse("connect\n"), Err(SnapshotError::NoHeader));
        assert_eq!(Snapshot::parse("---\nexpression: a\n"), Err(SnapshotError::NoHeader));
        let error = Snapshot::parse("---\nexpression: a\ninfo:\n  release: latest\n---\n").unwrap_err();
        assert!(error.to_string().contains("`latest` is not an OpenClaw version"), "{error}");
        assert!(matches!(Snapshot::parse("---\ninfo: 3\n---\n"), Err(SnapshotError::Header(_))));
    }
}
