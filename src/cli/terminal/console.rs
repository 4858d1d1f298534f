//! Standard output and standard error. All output of clawcheck passes through this module. It escapes control
//! characters, and redacts the secrets of the command line and the environment.
//!
//! The run redacts the secrets of cases earlier, because only the run knows them. Lines are escaped where they are
//! built, so that a line break in a name cannot start a new line. This module is the second barrier, for output that
//! missed the first one.

use super::broken_pipe::IgnoreBrokenPipe;
use miette::MietteHandlerOpts;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write};
use std::sync::OnceLock;
use textwrap::{WordSeparator, WordSplitter};
use untrusted_data::Redactions;
use untrusted_data::printable;

/// Secrets that no command may print: the token of a gateway at a URL, and the credentials in URLs on the command line.
pub(crate) fn secrets() -> &'static Redactions {
    static SECRETS: OnceLock<Redactions> = OnceLock::new();
    SECRETS.get_or_init(|| {
        let mut secrets = Redactions::default();
        for (variable, name) in [("CLAWCHECK_TOKEN", "gateway token"), ("CLAWCHECK_PASSWORD", "gateway password")] {
            if let Ok(secret) = std::env::var(variable) {
                secrets.add(secret.trim(), name);
            }
        }
        std::env::args_os().for_each(|argument| secrets.add_url(&argument.to_string_lossy()));
        secrets
    })
}

/// Prepares a text of several lines for output: redacts secrets and escapes control characters.
pub(crate) fn sanitize(text: &str) -> String {
    printable::block(&secrets().apply_known(text)).into_owned()
}

/// Redacts and escapes one line. Line breaks become escapes, too.
pub(crate) fn sanitize_line(text: &str) -> String {
    printable::line(&secrets().apply_known(text)).into_owned()
}

/// The format of error reports. Lines are wrapped only at spaces, so that ids, paths and commands can be copied.
pub(crate) fn error_reports() -> MietteHandlerOpts {
    MietteHandlerOpts::new()
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
}

/// When the output has colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Also in files and pipes, and if NO_COLOR is set
    Always,
    /// Never
    Never,
}

/// The value of `--color`.
static COLOR: OnceLock<Color> = OnceLock::new();

impl Color {
    /// Sets the value for the process. Only the first call has an effect.
    pub(crate) fn apply(self) {
        let _ = COLOR.set(self);
        let handler = move |_: &_| {
            let reports = match self {
                Self::Auto => error_reports(),
                Self::Always => error_reports().color(true),
                Self::Never => error_reports().color(false),
            };
            Box::new(reports.build()) as Box<dyn miette::ReportHandler>
        };
        // miette has no other hook for this. A second call fails, and then the hook is already set.
        let _ = miette::set_hook(Box::new(handler));
    }

    /// The choice in arguments that are not parsed yet. `None` if there is none, or it is not valid.
    pub(crate) fn of_arguments(arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut arguments = arguments.take_while(|argument| argument != "--");
        while let Some(argument) = arguments.next() {
            let chosen = match argument.to_str() {
                Some("--color") => arguments.next(),
                Some(other) => other.strip_prefix("--color=").map(OsString::from),
                None => None,
            };
            if let Some(chosen) = chosen {
                return chosen.to_str().and_then(|chosen| clap::ValueEnum::from_str(chosen, false).ok());
            }
        }
        None
    }

    fn shows(self, stream: &impl io::IsTerminal) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }
}

impl From<Color> for clap::ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

/// Whether standard output shows colors.
pub(crate) fn colour() -> bool {
    COLOR.get().copied().unwrap_or_default().shows(&stdout_handle())
}

/// Whether standard error shows colors.
pub(crate) fn colour_of_stderr() -> bool {
    COLOR.get().copied().unwrap_or_default().shows(&stderr_handle())
}

/// Whether standard output is a terminal.
pub(crate) fn stdout_is_terminal() -> bool {
    stdout_handle().is_terminal()
}

/// Whether standard error is a terminal.
pub(crate) fn stderr_is_terminal() -> bool {
    stderr_handle().is_terminal()
}

/// Standard output.
pub(crate) fn stdout() -> Console<io::Stdout> {
    Console { out: stdout_handle(), waiting: Vec::new() }
}

/// Standard output for a command that finishes even if nobody reads its output. If the reader has exited, further
/// output is discarded.
pub(crate) fn stdout_while_read() -> Console<IgnoreBrokenPipe> {
    Console { out: IgnoreBrokenPipe(stdout_handle()), waiting: Vec::new() }
}

/// Standard error.
pub(crate) fn stderr() -> Console<io::Stderr> {
    Console { out: stderr_handle(), waiting: Vec::new() }
}

#[expect(clippy::disallowed_methods, reason = "the only place that may")]
fn stdout_handle() -> io::Stdout {
    io::stdout()
}

#[expect(clippy::disallowed_methods, reason = "the only place that may")]
fn stderr_handle() -> io::Stderr {
    io::stderr()
}

/// Redacts and escapes output line by line, and writes it.
pub(crate) struct Console<W: Write> {
    out: W,
    /// The bytes of an incomplete line.
    waiting: Vec<u8>,
}

impl<W: Write> Console<W> {
    fn send(&mut self, length: usize) -> io::Result<()> {
        let text = self.waiting.drain(..length).collect::<Vec<_>>();
        self.out.write_all(printed(&String::from_utf8_lossy(&text)).as_bytes())
    }
}

impl<W: Write> Write for Console<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if let Some(end) = self.waiting.iter().rposition(|byte| *byte == b'\n') {
            self.send(end + 1)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send(self.waiting.len())?;
        self.out.flush()
    }
}

impl<W: Write> Drop for Console<W> {
    fn drop(&mut self) {
        // Standard error may be closed. Then nobody can read the message.
        let _ = self.flush();
    }
}

/// Returns the text as it is printed. Only the control sequences for colors remain. Escape characters from a gateway
/// or a file were replaced before the text was colored.
fn printed(text: &str) -> String {
    let text = secrets().apply_known(text);
    let mut parts = text.split('\u{1b}');
    let mut out = printable::block(parts.next().unwrap_or_default()).into_owned();
    for part in parts {
        let end = part.strip_prefix('[').and_then(|rest| rest.find(|c: char| !c.is_ascii_digit() && c != ';'));
        match end.filter(|end| part[end + 1..].starts_with('m')) {
            Some(_) => out.push('\u{1b}'),
            None => out.push_str(r"\u{1b}"),
        }
        out.push_str(&printable::block(part));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("\u{1b}[1;31mred\u{1b}[0m\n", "\u{1b}[1;31mred\u{1b}[0m\n")]
    #[case("\u{1b}[2J\u{1b}]0;t\u{7}\u{1b}c\u{1b}[31", "\\u{1b}[2J\\u{1b}]0;t\\u{7}\\u{1b}c\\u{1b}[31")]
    #[case("\u{1b}[\u{1b}[m\u{9b}31m", "\\u{1b}[\u{1b}[m\\u{9b}31m")]
    fn passes_only_color_escapes(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(printed(text), shown);
    }

    #[test]
    fn buffers_until_end_of_line() {
        let mut out = Vec::new();
        let mut console = Console { out: &mut out, waiting: Vec::new() };
        console.write_all("a\r\nb\u{fc}".as_bytes()).unwrap();
        console.write_all(b"\x1b[H\xff").unwrap();
        drop(console);
        assert_eq!(String::from_utf8(out).unwrap(), "a\nb\u{fc}\\u{1b}[H\u{fffd}");
    }

    proptest! {
        #[test]
        fn console_output_is_printable(
            parts in prop::collection::vec(prop_oneof![any::<String>(), "[\u{1b}\u{9b}\\[0-9;mJ\n\u{202e}]{0,8}"], 0..8)
        ) {
            let shown = printed(&parts.concat());
            let plain = shown.split('\u{1b}').enumerate().all(|(at, part)| {
                let colour = part.strip_prefix('[').map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';'));
                at == 0 || colour.is_some_and(|rest| rest.starts_with('m'))
            });
            prop_assert!(plain, "{shown:?}");
            prop_assert!(shown.chars().all(|c| c == '\u{1b}' || c == '\n' || printable::is_printable(c)), "{shown:?}");
        }
    }
}
