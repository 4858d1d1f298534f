//! A seeded random number generator. The same seed and index give the same story.

use sha2::{Digest as _, Sha256};

/// Deterministic pseudo-random choices.
pub(super) struct Rng(fastrand::Rng);

impl Rng {
    /// Creates a generator for one purpose of a seed. `what` is the purpose, and `number` the index.
    pub(super) fn new(seed: u64, what: &str, number: u64) -> Self {
        // Similar seeds and indexes must give independent sequences.
        let digest = Sha256::digest(format!("clawcheck fuzz {seed} {what} {number}"));
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[..8]);
        Self(fastrand::Rng::with_seed(u64::from_le_bytes(bytes)))
    }

    /// Returns true with this probability, in percent.
    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.0.u32(..100) < percent
    }

    /// Returns a number between the first and the last, inclusive.
    pub(super) fn between(&mut self, first: u32, last: u32) -> u32 {
        self.0.u32(first..=last)
    }

    /// Returns one of the values, all with the same probability.
    pub(super) fn any<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.0.usize(..of.len())].clone()
    }

    /// Returns one of the values, with a probability in proportion to its weight.
    pub(super) fn pick<T: Clone>(&mut self, of: &[(u32, T)]) -> T {
        let total = of.iter().map(|(weight, _)| *weight).sum::<u32>();
        // Subtract the weights from a random number. The value whose weight exceeds the rest is the result.
        let mut drawn = self.0.u32(..total);
        let found = of.iter().find(|(weight, _)| match drawn.checked_sub(*weight) {
            Some(left) => {
                drawn = left;
                false
            }
            None => true,
        });
        found.unwrap_or(&of[0]).1.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weighted_choice() {
        let mut rng = Rng::new(1, "test", 0);
        let drawn = (0..1000).map(|_| rng.pick(&[(9, 'a'), (1, 'b'), (0, 'c')])).collect::<Vec<_>>();
        let count = |wanted| drawn.iter().filter(|drawn| **drawn == wanted).count();
        assert!(count('a') > 800 && count('b') > 50 && count('c') == 0);
    }

    #[test]
    fn neighbouring_seeds_differ() {
        let drawn = |seed, number| {
            let mut rng = Rng::new(seed, "test", number);
            (0..8).map(|_| rng.between(0, 9)).collect::<Vec<_>>()
        };
        assert_eq!(drawn(1, 1), drawn(1, 1));
        assert_ne!(drawn(1, 1), drawn(1, 2));
        assert_ne!(drawn(1, 1), drawn(2, 1));
    }
}
