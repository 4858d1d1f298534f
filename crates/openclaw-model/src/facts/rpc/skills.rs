//! The programs that the bundled skills need.
//!
//! The lists come from the `skills` folders of the releases and keep their order. They omit the programs of skills that
//! are not for macOS. They do not include skills that a user added to the workspace.

/// The oldest known release.
pub(crate) const OLDEST: &str = "\
     op memo remindctl grizzly blogwatcher blu camsnap clawhub claude codex opencode pi eightctl \
     gemini curl git gh gifgrep gog goplaces himalaya imsg mcporter codexbar uv nano-pdf obsidian-cli \
     python3 whisper openhue oracle ordercli peekaboo sag jq rg songsee sonos spogo spotify_player summarize \
     things tmux ffmpeg wacli";
