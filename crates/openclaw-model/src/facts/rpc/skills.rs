//! The programs that the bundled skills need.
//!
//! The lists are those of the releases' own `skills` folders, in its order: what a skill for another system than macOS needs
//! is left out. Skills that a user has put into the workspace are not looked at.

/// The oldest known release.
pub(crate) const OLDEST: &str = "\
     op memo remindctl grizzly blogwatcher blu camsnap clawhub claude codex opencode pi eightctl \
     gemini curl git gh gifgrep gog goplaces himalaya imsg mcporter codexbar uv nano-pdf obsidian-cli \
     python3 whisper openhue oracle ordercli peekaboo sag jq rg songsee sonos spogo spotify_player summarize \
     things tmux ffmpeg wacli";
