//! Lists of names whose order matters, and how a release changes them: the methods and the events of `hello-ok`.

/// Names in an order that clients see.
///
/// A name is one word. `NAME:LETTER` says more about it: the letter of a method says who may call it. `~` before a name
/// says that it exists without being listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(Vec<&'static str>);

impl Names {
    /// The names in a text, with white space between them.
    pub(crate) fn of(text: &'static str) -> Self {
        Self(text.split_ascii_whitespace().collect())
    }

    /// Applies the changes of a release: words with white space between them.
    ///
    /// | word | meaning |
    /// |---|---|
    /// | `NAME` or `NAME:LETTER` | a new name; of a known name, the new letter |
    /// | `@NAME` | the next new names stand after this one, else at the end |
    /// | `-NAME` | the name is gone |
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

    /// The names that are listed, in their order.
    pub fn listed(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter(|word| !word.starts_with('~')).map(|word| name(word))
    }

    /// The letter of a name; `None` where there is no such name, and empty where nothing more is said of it.
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
    fn names_come_go_and_change() {
        assert_eq!(changed("d"), "a:r b:w ~c:a d");
        assert_eq!(changed("@a d:r e:r -b"), "a:r d:r e:r ~c:a");
        assert_eq!(changed("-a b:p"), "b:p ~c:a");
        assert_eq!(changed("@c x -a y"), "b:w ~c:a x y");
    }

    #[test]
    #[should_panic(expected = "`@x` names nothing")]
    fn a_change_after_an_unknown_name_is_a_mistake() {
        changed("@x d");
    }

    #[test]
    fn unlisted_names_are_known_and_not_listed() {
        let names = Names::of("a:r b ~c:a");
        assert_eq!(names.listed().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(["a", "b", "c", "d"].map(|name| names.letter(name)), [Some("r"), Some(""), Some("a"), None]);
    }
}
