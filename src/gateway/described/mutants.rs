//! Mutation tests of descriptions: each error that the reader reports has a position in the file.

use super::error::DescriptionError;
use super::{Placeholders, built_in, file, profile, program};
use input_mutants::play;
use std::path::Path;

const MORE: &str = "gateway: x\nabout: x\nclaims: 2026.4.2\nran: false\ncommand: \"{here}/x\"\nnpm: { package: \"@a/b\", version: \"1\", \
                    overrides: { a: b }, beside: [c] }\nready: { log: up }\npath: /ws\nconfig: { text: \"{port}\" }\nstore: none\n\
                    flags: { gateway.auth.token: [--token, \"{value}\"], gateway.bind: { lan: [-l], loopback: [] } }\n";

#[test]
fn description_mutants() {
    let mut seeds: Vec<Vec<u8>> = built_in::ALL.iter().map(|(_, text)| text.as_bytes().to_vec()).collect();
    seeds.push(MORE.as_bytes().to_vec());
    let words = ["{port}", "{state-dir}", "{port+1}", "scenario:", "lacks: [challenge]", "ready: tcp"];
    play("descriptions", &seeds, &words, |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        match file::parse("mutant.yaml", text) {
            Ok(description) => {
                profile(&description, Path::new("x.yaml"));
                program(&description, "mutant.yaml", Placeholders::default(), None);
            }
            Err(DescriptionError::Invalid(error)) => {
                let shown = error.source_code.inner();
                let span = error.span.offset()..error.span.offset() + error.span.len();
                assert!(shown.get(span.clone()).is_some(), "{span:?} of {} bytes: {}", shown.len(), error.message);
                assert!(!error.message.is_empty(), "{span:?}");
            }
            Err(_) => {}
        }
    });
}
