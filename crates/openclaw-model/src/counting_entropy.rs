//! Random values for tests.

use crate::Entropy;

/// Random values that count: all bytes of a value are its number.
pub(crate) struct CountingEntropy(pub(crate) u8);

impl CountingEntropy {
    fn next(&mut self) -> u8 {
        self.0 = self.0.wrapping_add(1);
        self.0
    }
}

impl Entropy for CountingEntropy {
    fn uuid(&mut self) -> [u8; 16] {
        [self.next(); 16]
    }

    fn token(&mut self) -> [u8; 32] {
        [self.next(); 32]
    }
}
