//! Ids and tokens from unpredictable bytes. The operating system is needed only once, at the start, where an error can
//! still be reported.

use openclaw_model::Entropy;
use sha2::{Digest as _, Sha256};

/// SHA-256 of a secret seed and a counter.
pub(super) struct SeededEntropy {
    seed: [u8; 32],
    drawn: u64,
}

impl SeededEntropy {
    /// Takes the seed from the operating system.
    ///
    /// # Errors
    /// Returns an error if the operating system has no random bytes.
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(Self { seed, drawn: 0 })
    }
}

impl Entropy for SeededEntropy {
    fn uuid(&mut self) -> [u8; 16] {
        let mut uuid = [0; 16];
        uuid.copy_from_slice(&self.token()[..16]);
        uuid
    }

    fn token(&mut self) -> [u8; 32] {
        self.drawn += 1;
        Sha256::new().chain_update(self.seed).chain_update(self.drawn.to_be_bytes()).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_values_are_unique() {
        let (mut one, mut other) = (SeededEntropy::new().unwrap(), SeededEntropy::new().unwrap());
        let drawn = [one.token(), one.token(), other.token(), other.token()];
        let mut distinct = drawn.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), drawn.len());
    }
}
