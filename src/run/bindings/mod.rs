//! What a case learns while it is played: tokens and request ids from the gateway, answers and challenges. The bindings
//! give the symbols of a scenario (`<token laptop operator>`, `<answer ask payload.id>`) their values.

pub(crate) mod identities;

use crate::locked::locked;
use crate::observe::KnownValue;
use crate::scenario::symbol::{self, FillError, Symbol, TextPart};
use identities::Identities;
use openclaw_model::handshake::secret_generation;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard};

/// The known values of a case.
pub(crate) struct Bindings {
    pub(crate) identities: Identities,
    /// The current time of the gateway's clock, in milliseconds since 1970.
    now: AtomicI64,
    learned: Mutex<LearnedValues>,
}

#[derive(Default)]
struct LearnedValues {
    /// The tokens in the store before the first start, by device and role.
    seeded: BTreeMap<(String, String), String>,
    /// The newest token from the gateway, by device and role.
    given: BTreeMap<(String, String), String>,
    /// The token from the gateway, by step.
    given_in: BTreeMap<String, String>,
    /// The newest pending request of a device.
    requests: BTreeMap<String, String>,
    /// The complete answers, by step.
    answers: BTreeMap<String, Value>,
    /// The tokens of a copied state directory, and tokens that newer ones have replaced.
    secrets: Vec<String>,
    /// The challenges, by step.
    nonces: BTreeMap<String, String>,
    /// Texts from the scenario that the gateway can repeat.
    literals: Vec<String>,
    /// Values that the scenario refers to and that do not exist.
    missing: Vec<String>,
}

impl Bindings {
    pub(crate) fn new(identities: Identities) -> Self {
        Self { identities, now: AtomicI64::default(), learned: Mutex::default() }
    }

    pub(crate) fn set_now(&self, now: i64) {
        self.now.store(now, Ordering::Relaxed);
    }

    fn learned(&self) -> MutexGuard<'_, LearnedValues> {
        locked(&self.learned)
    }

    pub(crate) fn seeded(&self, device: &str, role: &str, token: &str) {
        self.learned().seeded.insert((device.to_owned(), role.to_owned()), token.to_owned());
    }

    pub(crate) fn given(&self, step: Option<&str>, device: &str, role: &str, token: &str) {
        let mut learned = self.learned();
        let replaced = learned.given.insert((device.to_owned(), role.to_owned()), token.to_owned());
        // The output must not show it, even though no step can name it any more.
        learned.secrets.extend(replaced);
        if let Some(step) = step {
            learned.given_in.insert(step.to_owned(), token.to_owned());
        }
    }

    /// Makes the tokens that the gateway issued so far the tokens in the store before the first step.
    pub(crate) fn seed_with_given(&self) {
        let mut learned = self.learned();
        let given = std::mem::take(&mut learned.given);
        learned.seeded.extend(given);
    }

    pub(crate) fn requested(&self, device: &str, request: &str) {
        self.learned().requests.insert(device.to_owned(), request.to_owned());
    }

    pub(crate) fn answered(&self, step: &str, frame: &Value) {
        self.learned().answers.insert(step.to_owned(), frame.clone());
    }

    pub(crate) fn challenged(&self, step: &str, nonce: &str) {
        self.learned().nonces.insert(step.to_owned(), nonce.to_owned());
    }

    pub(crate) fn nonce(&self, step: &str) -> Option<String> {
        self.learned().nonces.get(step).cloned()
    }

    /// The newest token of a device for a role: the one that the gateway issued, or the stored one.
    pub(crate) fn last_token(&self, device: &str, role: &str) -> Option<String> {
        let key = (device.to_owned(), role.to_owned());
        let learned = self.learned();
        learned.given.get(&key).or_else(|| learned.seeded.get(&key)).cloned()
    }

    /// The stored token before the first start. If no record has one, it is generated, as if the store had lost it. A
    /// device of a copied state directory gets no generated token.
    pub(crate) fn seeded_token(&self, device: &str, role: &str) -> Option<String> {
        let seeded = self.learned().seeded.get(&(device.to_owned(), role.to_owned())).cloned();
        seeded.or_else(|| (!self.identities.uses_own_key(device)).then(|| self.identities.token(device, role)))
    }

    /// Records tokens that no output may show.
    pub(crate) fn keep_secret(&self, secrets: Vec<String>) {
        self.learned().secrets.extend(secrets);
    }

    /// All tokens of the case: stored, generated and issued tokens, and the tokens of a copied state directory.
    pub(crate) fn tokens(&self) -> Vec<String> {
        let learned = self.learned();
        let given = learned.given.values().chain(learned.given_in.values());
        let tokens = learned.seeded.values().chain(given).chain(&learned.secrets).cloned();
        tokens.chain(self.identities.tokens()).collect()
    }

    /// Whether the gateway issued a token, or the store of the case contains one.
    pub(crate) fn has_learned_token(&self) -> bool {
        let learned = self.learned();
        !(learned.given.is_empty() && learned.given_in.is_empty() && learned.seeded.is_empty())
    }

    pub(crate) fn token_given_in(&self, step: &str) -> Option<String> {
        self.learned().given_in.get(step).cloned()
    }

    /// Records that a value does not exist. The step continues without it.
    pub(crate) fn miss(&self, what: String) {
        self.learned().missing.push(what);
    }

    /// The values that were missing since the last call.
    pub(crate) fn missed(&self) -> Vec<String> {
        std::mem::take(&mut self.learned().missing)
    }

    /// Fills in the symbols of a value.
    ///
    /// # Errors
    /// Returns an error if the scenario refers to a value that does not exist.
    pub(crate) fn fill(&self, template: &Value) -> Result<Value, String> {
        self.note_literals(template);
        symbol::fill(template, &mut |symbol| self.value(symbol)).map_err(in_words)
    }

    /// Fills in the symbols of a text.
    ///
    /// # Errors
    /// Returns an error if the scenario refers to a value that does not exist.
    pub(crate) fn fill_text(&self, template: &str) -> Result<String, String> {
        symbol::fill_text(template, &mut |symbol| self.value(symbol)).map_err(in_words)
    }

    /// Literal texts of the scenario. If the gateway repeats them, they are not redacted as accidental.
    fn note_literals(&self, template: &Value) {
        match template {
            Value::String(text) => {
                if let Ok([TextPart::Text(literal)]) = symbol::parts(text).as_deref()
                    && literal.len() >= 6
                    && !literal.contains(char::is_whitespace)
                {
                    self.learned().literals.push(literal.clone());
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.note_literals(item)),
            Value::Object(object) => object.values().for_each(|member| self.note_literals(member)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn value(&self, symbol: &Symbol) -> Result<Value, String> {
        let text = match symbol {
            Symbol::Device(name) => self.identities.device(name).device_id(),
            Symbol::PublicKey(name) => self.identities.device(name).public_key(),
            Symbol::Request(device) => {
                let found = self.learned().requests.get(device).cloned();
                found.ok_or_else(|| format!("no pending request of {device} is known"))?
            }
            Symbol::Pending(label) => self.identities.request(label),
            Symbol::Token(device, role) => {
                self.last_token(device, role).ok_or_else(|| format!("{device} was given no {role} token"))?
            }
            Symbol::SeededToken(device, role) => {
                self.seeded_token(device, role).ok_or_else(|| format!("the folder has no {role} token for {device}"))?
            }
            Symbol::Bootstrap(name) => self.identities.bootstrap(name),
            Symbol::Secret(name) => self.identities.secret(name),
            Symbol::Generation(mode, name) => secret_generation(mode, &self.identities.secret(name)),
            Symbol::Answer(step, path) => return self.answer(step, path),
            Symbol::Now(offset) => return Ok(self.now.load(Ordering::Relaxed).saturating_add(*offset).into()),
        };
        Ok(Value::String(text))
    }

    fn answer(&self, step: &str, path: &str) -> Result<Value, String> {
        let learned = self.learned();
        let whole =
            learned.answers.get(step).ok_or_else(|| format!("nothing was answered or awaited in step {step}"))?;
        let part = path.split('.').try_fold(whole, |value, key| match value {
            Value::Array(items) => items.get(key.parse::<usize>().ok()?),
            other => other.get(key),
        });
        part.cloned().ok_or_else(|| format!("the answer of step {step} has no {path}"))
    }

    /// All values that have a symbol in an observation.
    pub(crate) fn known(&self) -> Vec<KnownValue> {
        let mut known = self.identities.known();
        let learned = self.learned();
        known.extend(learned.literals.iter().map(|text| KnownValue { value: text.clone(), symbol: text.clone() }));
        known
    }
}

fn in_words(error: FillError<String>) -> String {
    error.to_string()
}
