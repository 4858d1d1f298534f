//! The changes of an input: bytes, lines, words, numbers, nesting, and parts of other inputs.

use fastrand::Rng;
use serde_json::Value;

/// Numbers near the usual limits of parsers.
const NUMBERS: [&str; 20] = [
    "0",
    "-0",
    "-1",
    "1",
    "255",
    "256",
    "65535",
    "65536",
    "2147483648",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e308",
    "1e999",
    "0.1",
    "0x7fffffff",
    "NaN",
];

/// Characters with a meaning in YAML, JSON or JSON5, or for a terminal.
const MARKS: [&str; 44] = [
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "!!str ",
    "!x ",
    "? ",
    ": ",
    "- ",
    "|",
    ">-",
    "|9",
    "---",
    "...",
    "%YAML 1.2",
    "#",
    "\t",
    "\r",
    "\r\n",
    "\"",
    "'",
    "`",
    "\\",
    "\\u0000",
    "\\ud800",
    "\\x41",
    "{",
    "}",
    "[",
    "]",
    ",",
    "//",
    "/*",
    "null",
    "~",
    "true",
    "${",
    "$${",
    "<token",
    "../",
    "\u{feff}",
    "\u{2028}",
    "\u{202e}",
    "\u{1b}[2J",
];

/// Invalid and valid UTF-8 sequences.
const BYTES: [&[u8]; 8] =
    [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x00", b"\x7f", b"\xc2\x85", b"\xf0\x9f\xa6\x80"];

/// The words that can be inserted into an input.
pub(super) struct Dictionary(Vec<Vec<u8>>);

impl Dictionary {
    /// The words of the seeds, and additional words.
    pub(super) fn new(seeds: &[Vec<u8>], words: &[&str]) -> Self {
        let own = seeds.iter().flat_map(|seed| seed.split(|byte| !is_word(*byte)));
        let mut all: Vec<Vec<u8>> = own.map(<[u8]>::to_vec).collect();
        all.extend(words.iter().map(|word| word.as_bytes().to_vec()));
        all.sort();
        all.dedup();
        Self(all)
    }

    /// The mutant with this number. The same seed gives the same mutants.
    pub(super) fn mutant(&self, seeds: &[Vec<u8>], seed: u64, at: u64, most: usize) -> Vec<u8> {
        let mut rng = Rng::with_seed(seed ^ at.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        // The first random numbers of neighbouring seeds are similar.
        rng.u64(..);
        let mut input = pick(&mut rng, seeds).clone();
        for _ in 0..rng.usize(1..=6) {
            self.change(&mut rng, &mut input, seeds);
            input.truncate(most);
        }
        input
    }

    fn change(&self, rng: &mut Rng, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let other = pick(rng, seeds);
        match rng.u8(0..20) {
            0 => replace(within(rng, input, 4), input, [rng.u8(..)]),
            1 => replace(within(rng, input, 1), input, pick(rng, &BYTES)),
            2 => replace(within(rng, input, 64), input, b""),
            3 => repeat(rng, input, 64),
            4 => {
                let line = line(rng, input);
                replace(line, input, b"");
            }
            5 => {
                let copied = input[line(rng, input)].to_vec();
                let start = line(rng, input).start;
                replace(start..start, input, copied);
            }
            6 => {
                let foreign = other[line(rng, other)].to_vec();
                let line = line(rng, input);
                let end = if rng.bool() { line.start } else { line.end };
                replace(line.start..end, input, &foreign);
            }
            7 => indent(rng, input),
            8 | 9 => {
                let word = word(rng, input, is_word);
                replace(word, input, pick(rng, &self.0));
            }
            10 | 11 => {
                let number = word(rng, input, |byte| byte.is_ascii_digit() || b"-.".contains(&byte));
                replace(number, input, pick(rng, &NUMBERS).as_bytes());
            }
            12 | 13 => replace(within(rng, input, 2), input, pick(rng, &MARKS).as_bytes()),
            14 => {
                let (at, from) = (rng.usize(..=input.len()), rng.usize(..=other.len()));
                input.truncate(at);
                input.extend(&other[from..]);
            }
            15 => nest(rng, input),
            16 => lengthen(rng, input),
            17 => input.truncate(rng.usize(..=input.len())),
            _ => self.json(rng, input),
        }
    }

    fn text(&self, rng: &mut Rng) -> String {
        String::from_utf8_lossy(pick::<Vec<u8>>(rng, &self.0)).into_owned()
    }

    /// Changes one value of a JSON document, or one key.
    fn json(&self, rng: &mut Rng, input: &mut Vec<u8>) {
        let Ok(mut document) = serde_json::from_slice::<Value>(input) else {
            return replace(within(rng, input, 3), input, pick(rng, &self.0));
        };
        let place = random_value(rng, &mut document);
        *place = match (rng.u8(0..6), place.take()) {
            (0, Value::Object(mut object)) if !object.is_empty() => {
                let key = object.keys().nth(rng.usize(..object.len())).cloned().unwrap_or_default();
                let value = object.shift_remove(&key).unwrap_or_default();
                object.insert(self.text(rng), value);
                object.into()
            }
            (1, value) => vec![value.clone(), value].into(),
            (2, value) => serde_json::json!({ self.text(rng): value }),
            (3, _) => self.text(rng).into(),
            (4, _) => serde_json::from_str(pick::<&str>(rng, &NUMBERS)).unwrap_or_default(),
            _ => pick(rng, &[Value::Null, true.into(), "".into(), Value::Array(vec![]), serde_json::json!({})]).clone(),
        };
        *input = document.to_string().into_bytes();
    }
}

fn pick<'a, T>(rng: &mut Rng, all: &'a [T]) -> &'a T {
    &all[rng.usize(..all.len())]
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.$@".contains(&byte)
}

fn replace(place: std::ops::Range<usize>, input: &mut Vec<u8>, with: impl AsRef<[u8]>) {
    input.splice(place, with.as_ref().iter().copied());
}

/// A range of at most this many bytes.
fn within(rng: &mut Rng, input: &[u8], most: usize) -> std::ops::Range<usize> {
    let start = rng.usize(..=input.len());
    start..(start + rng.usize(..=most)).min(input.len())
}

/// A line with its line end.
fn line(rng: &mut Rng, input: &[u8]) -> std::ops::Range<usize> {
    let at = rng.usize(..=input.len());
    let start = input[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let end = input[at..].iter().position(|byte| *byte == b'\n').map_or(input.len(), |end| at + end + 1);
    start..end
}

/// A run of bytes of this kind, from a random position on.
fn word(rng: &mut Rng, input: &[u8], is: fn(u8) -> bool) -> std::ops::Range<usize> {
    let from = rng.usize(..=input.len());
    let start = input[from..].iter().position(|byte| is(*byte)).map_or(input.len(), |start| from + start);
    let end = input[start..].iter().position(|byte| !is(*byte)).map_or(input.len(), |end| start + end);
    start..end
}

fn repeat(rng: &mut Rng, input: &mut Vec<u8>, longest: usize) {
    let place = within(rng, input, longest);
    let times = if rng.u8(..) == 0 { rng.usize(..2000) } else { rng.usize(1..4) };
    let more = input[place.clone()].repeat(times);
    replace(place.end..place.end, input, &more);
}

fn indent(rng: &mut Rng, input: &mut Vec<u8>) {
    let start = line(rng, input).start;
    if rng.bool() {
        replace(start..start, input, b" ".repeat(rng.usize(1..9)));
    } else {
        let blanks = input[start..].iter().take_while(|byte| **byte == b' ').count();
        replace(start..start + rng.usize(..=blanks), input, b"");
    }
}

/// Encloses a range in brackets, rarely in very many.
fn nest(rng: &mut Rng, input: &mut Vec<u8>) {
    let place = within(rng, input, 40);
    let times = if rng.u8(..) == 0 { rng.usize(..20_000) } else { rng.usize(1..40) };
    let (open, close) = *pick(rng, &[("[", "]"), ("{a: ", "}"), ("{\"a\":", "}"), ("- ", ""), ("(", ")")]);
    let inner = input[place.clone()].to_vec();
    let whole = [open.repeat(times).as_bytes(), &inner, close.repeat(times).as_bytes()].concat();
    replace(place, input, &whole);
}

/// Makes a line very long.
fn lengthen(rng: &mut Rng, input: &mut Vec<u8>) {
    let times = if rng.u8(..) == 0 { rng.usize(..200_000) } else { rng.usize(..300) };
    let place = within(rng, input, 0);
    replace(place, input, pick(rng, &[&b"x"[..], b" ", b"9", b"\xc3\xbc", b"\\", b"\"", b"\n"]).repeat(times));
}

/// A random value in a document.
fn random_value<'a>(rng: &mut Rng, document: &'a mut Value) -> &'a mut Value {
    let inner = match document {
        Value::Object(object) => object.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    };
    if inner == 0 || rng.u8(0..5) == 0 {
        return document;
    }
    let at = rng.usize(..inner);
    match document {
        Value::Object(object) => match object.values_mut().nth(at) {
            Some(value) => random_value(rng, value),
            None => unreachable!("there are that many"),
        },
        Value::Array(items) => random_value(rng, &mut items[at]),
        scalar => scalar,
    }
}
