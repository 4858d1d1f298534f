//! What a step heard, in the forms that come up again and again.

use crate::observe::{Heard, Sound, StepEvidence};
use serde_json::Value;

pub(crate) fn own(sound: Sound) -> Heard {
    Heard { on: None, sound }
}

pub(crate) fn heard(sounds: Vec<Sound>) -> StepEvidence {
    StepEvidence { heard: sounds.into_iter().map(own).collect(), ..StepEvidence::default() }
}

pub(crate) fn note(text: String) -> StepEvidence {
    heard(vec![Sound::Note(text)])
}

pub(crate) fn is_over(name: &str) -> StepEvidence {
    note(format!("the connection {name} is over"))
}

pub(crate) fn is_ok(sound: &Sound) -> bool {
    let Sound::Frame { frame, .. } = sound else { return false };
    frame.get("type") == Some(&"res".into()) && frame.get("ok") == Some(&Value::Bool(true))
}
