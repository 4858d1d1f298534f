//! The text of a scenario file.

use super::spans::Span;
use std::path::PathBuf;
use std::sync::Arc;

/// A scenario file.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The path of the file as the user knows it. For a scenario in the binary: `scenarios/FAMILY/NAME.yaml`.
    pub path: PathBuf,
    /// Whether the file is one of the scenarios in the binary.
    pub embedded: bool,
    /// The contents of the file.
    pub text: Arc<str>,
}

impl Source {
    /// The line of a position, counted from 1.
    pub fn line(&self, span: Span) -> usize {
        let before = self.text.as_bytes().get(..span.start).unwrap_or(self.text.as_bytes());
        1 + before.iter().filter(|&&byte| byte == b'\n').count()
    }
}
