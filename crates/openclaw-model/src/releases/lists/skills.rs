//! The programs that the bundled skills need.
//!
//! The lists are those of the releases' own `skills` folders, in its order: what a skill for another system than macOS needs
//! is left out. The lists do not contain skills of the user's workspace.

/// 2026.2.26.
pub(in crate::releases) const V2026_2_26: &str = "\
     op memo remindctl grizzly blogwatcher blu camsnap clawhub claude codex opencode pi eightctl gemini \
     curl git gh gifgrep gog goplaces himalaya imsg mcporter codexbar uv nano-pdf obsidian-cli python3 \
     whisper openhue oracle ordercli peekaboo sag jq rg songsee sonos spogo spotify_player summarize \
     things tmux ffmpeg wacli xurl";
/// 2026.3.28 to 2026.5.7.
pub(in crate::releases) const V2026_3_28: &str = "\
     op memo remindctl grizzly blogwatcher blu camsnap clawhub claude codex opencode pi eightctl gemini \
     curl git gh gifgrep gog goplaces himalaya imsg mcporter codexbar nano-pdf obsidian-cli whisper \
     openhue oracle ordercli peekaboo sag jq rg songsee sonos spogo spotify_player summarize things tmux \
     ffmpeg wacli xurl";
/// 2026.6.11.
pub(in crate::releases) const V2026_6_11: &str = "\
     op memo remindctl grizzly blogwatcher blu camsnap claude codex opencode eightctl gemini git gh \
     gifgrep gog goplaces himalaya imsg mcporter node codexbar nano-pdf ntn curl obsidian whisper openhue \
     oracle ordercli peekaboo python3 sag jq rg songsee sonos spogo spotify_player summarize things tmux \
     ffmpeg xurl";
/// 2026.7.35.
pub(in crate::releases) const V2026_7_35: &str = "\
     op memo remindctl grizzly blogwatcher blu camsnap claude codex opencode eightctl gemini git gh \
     gifgrep gog goplaces himalaya mcporter node codexbar nano-pdf ntn curl obsidian whisper openhue \
     oracle ordercli peekaboo python3 sag jq rg songsee sonos spogo spotify_player summarize things tmux \
     ffmpeg xurl";
/// 2026.9.6.
pub(in crate::releases) const V2026_9_6: &str = "\
     op memo remindctl grizzly blogwatcher blu camsnap claude codex opencode eightctl gemini git gh \
     gifgrep gog goplaces himalaya mcporter node codexbar nano-pdf ntn curl obsidian whisper openhue \
     oracle ordercli peekaboo python3 sag songsee sonos spogo spotify_player summarize things tmux jq \
     xurl";
