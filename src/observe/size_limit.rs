//! Limits the size of an observation.

use serde_json::Value;
use std::borrow::Cow;
use std::cell::Cell;
use untrusted_data::cut::json;
use untrusted_data::limits::{SHOWN_MESSAGE, SHOWN_STRING};

/// Maximum shown bytes of one message after the limit is reached: its code and its beginning.
const MIN_BYTES: usize = 1 << 10;

/// A limit for a number of bytes of text.
pub(super) struct SizeLimit(Cell<usize>);

impl SizeLimit {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Cell::new(bytes))
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.0.get() == 0
    }

    /// The value, truncated to the available size.
    pub(super) fn fit<'v>(&self, value: &'v Value) -> Cow<'v, Value> {
        let most = self.0.get().clamp(MIN_BYTES, SHOWN_MESSAGE);
        let length = json::length(value, SHOWN_STRING);
        // A value that is short as a whole contains nothing to truncate.
        if length <= SHOWN_STRING.min(most) {
            self.0.set(self.0.get().saturating_sub(length));
            return Cow::Borrowed(value);
        }
        let short = json::shorten(value, SHOWN_STRING, most);
        self.0.set(self.0.get().saturating_sub(json::length(&short, usize::MAX)));
        Cow::Owned(short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keeps_beginning_within_limit() {
        let room = SizeLimit::new(4000);
        let value = json!(vec!["word"; 200]);
        assert!(matches!(room.fit(&value), Cow::Borrowed(_)));
        assert!(!room.is_used_up());
        assert_eq!(*room.fit(&value), value);
        let cut = room.fit(&value).into_owned();
        assert!(room.is_used_up());
        assert_eq!(cut.as_array().unwrap().last().unwrap(), "… 72 more");
    }
}
