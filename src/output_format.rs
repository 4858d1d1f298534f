//! The format in which a command prints its result.

/// The output format of a command. `schema` prints only JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum OutputFormat {
    /// Plain text, for a terminal
    #[default]
    Plain,
    /// Markdown, for a page or an issue
    Markdown,
    /// One JSON document
    Json,
}
