//! The answer to a step.

use super::parse;

/// The decision of the gateway about a step, with the line that contains the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer<'t> {
    /// `hello-ok`, the answer to a request, or a gateway that started.
    Accepted(&'t str),
    /// An error, or a close without one.
    Refused(&'t str),
    /// There was no answer, no connection was possible, or the gateway exited.
    Missing(&'t str),
    /// No decision: only events, only notes, or nothing.
    Undecided,
}

impl<'t> Answer<'t> {
    /// The first decision on the step's own connection.
    pub(super) fn of(lines: &[&'t str]) -> Self {
        let answers = lines.iter().map(|line| Self::of_line(line));
        answers.into_iter().find(|answer| *answer != Self::Undecided).unwrap_or(Self::Undecided)
    }

    fn of_line(line: &'t str) -> Self {
        if let Some(rest) = line.strip_prefix("-- ") {
            let missing =
                ["nothing came", "no connection", "gateway ended"].iter().any(|start| rest.starts_with(start));
            return match rest {
                "gateway started" => Self::Accepted(line),
                _ if missing => Self::Missing(line),
                _ => Self::Undecided,
            };
        }
        let Some(rest) = line.strip_prefix("<- ") else { return Self::Undecided };
        match rest.split([' ', '=']).next() {
            Some("hello-ok" | "ok") => Self::Accepted(line),
            Some("event" | "no") => Self::Undecided,
            _ => Self::Refused(line),
        }
    }

    /// The line with the decision.
    pub(super) fn line(self) -> &'t str {
        match self {
            Self::Accepted(line) | Self::Refused(line) | Self::Missing(line) => line,
            Self::Undecided => "",
        }
    }

    /// The codes of the answer, without message texts and without values of a device.
    pub(super) fn sign(self) -> String {
        if self == Self::Undecided {
            return "no answer".to_owned();
        }
        let sign = sign(self.line());
        sign.strip_prefix("error ").map(str::to_owned).unwrap_or(sign)
    }
}

/// The first word of a line, without its mark and without quoted text: `error NOT_PAIRED PAIRING_REQUIRED role-upgrade`,
/// `close 1008`.
pub(super) fn sign(line: &str) -> String {
    let word = parse::words(line).next().unwrap_or_default();
    let word = word.split('"').next().unwrap_or_default().trim();
    // The reason after `connection lost` or `gateway ended` is a message text.
    let word = word.split(": ").next().unwrap_or_default();
    word.trim_start_matches("<- ").trim_start_matches("-- ").to_owned()
}

/// Whether a line is the answer to a request on an open connection.
pub(super) fn is_request(line: &str) -> bool {
    line.starts_with("<- ok")
}

/// Whether a line is the end of a connection.
pub(super) fn is_close(line: &str) -> bool {
    line.starts_with("<- close") || line.starts_with("<- connection lost")
}

/// The members that no frame of the kind has, if the line lists them.
pub(super) fn other_members(line: &str) -> Option<&str> {
    line.strip_prefix("-- the frame also has ")
}
