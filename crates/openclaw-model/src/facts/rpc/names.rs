//! Ordered lists of names and the changes of a release to them: the methods and the events of `hello-ok`.

/// Names in the order in which clients see them.
///
/// A name is one word. `NAME:LETTER` adds a letter: the letter of a method determines who can call it. A name after `~`
/// exists but is not listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(Vec<&'static str>);

impl Names {
    /// Parses names that are separated by white space.
    pub(crate) fn of(text: &'static str) -> Self {
        Self(text.split_ascii_whitespace().collect())
    }

    /// Applies the changes of a release: words that are separated by white space.
    ///
    /// | word | meaning |
    /// |---|---|
    /// | `NAME` or `NAME:LETTER` | a new name, or a new letter for a known name |
    /// | `@NAME` | insert the next new names after this one instead of at the end |
    /// | `-NAME` | remove the name |
    pub(crate) fn change(&mut self, changes: &'static str) {
        let mut at = self.0.len();
        for word in changes.split_ascii_whitespace() {
            let known = self.position(word.trim_start_matches(['@', '-']));
            debug_assert!(known.is_some() || !word.starts_with(['@', '-']), "`{word}` names nothing");
            match (known, word.as_bytes().first()) {
                (Some(known), Some(b'@')) => at = known + 1,
                (Some(known), Some(b'-')) => {
                    self.0.remove(known);
                    at -= usize::from(known < at);
                }
                (Some(known), _) => self.0[known] = word,
                (None, _) => {
                    self.0.insert(at, word);
                    at += 1;
                }
            }
        }
    }

    /// The listed names, in order.
    pub fn listed(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter(|word| !word.starts_with('~')).map(|word| name(word))
    }

    /// The letter of a name. `None` if the name does not exist, and empty if the name has no letter.
    pub fn letter(&self, of: &str) -> Option<&'static str> {
        let word = self.0[self.position(of)?];
        Some(word.rsplit_once(':').map_or("", |(_, letter)| letter))
    }

    fn position(&self, of: &str) -> Option<usize> {
        self.0.iter().position(|word| name(word) == name(of))
    }
}

/// The name in a word.
fn name(word: &str) -> &str {
    let word = word.strip_prefix('~').unwrap_or(word);
    word.rsplit_once(':').map_or(word, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(changes: &'static str) -> String {
        let mut names = Names::of("a:r b:w ~c:a");
        names.change(changes);
        names.0.join(" ")
    }

    #[test]
    fn changes_of_names() {
        assert_eq!(changed("d"), "a:r b:w ~c:a d");
        assert_eq!(changed("@a d:r e:r -b"), "a:r d:r e:r ~c:a");
        assert_eq!(changed("-a b:p"), "b:p ~c:a");
        assert_eq!(changed("@c x -a y"), "b:w ~c:a x y");
    }

    #[test]
    #[should_panic(expected = "`@x` names nothing")]
    fn rejects_change_of_unknown_name() {
        changed("@x d");
    }

    #[test]
    fn unlisted_names() {
        let names = Names::of("a:r b ~c:a");
        assert_eq!(names.listed().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(["a", "b", "c", "d"].map(|name| names.letter(name)), [Some("r"), Some(""), Some("a"), None]);
    }
}
