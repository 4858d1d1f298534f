//! What a Rust source text declares and names, read from its tokens. Tokens show a path in the same way wherever it stands: in
//! an import, in code, in the input of a macro. Comments are no tokens.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};

/// A path, one name for each segment: `crate::run::Options` has three.
pub(super) type Path = Vec<String>;

/// What one module declares and names.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// `mod name;`: modules in files of their own.
    pub(super) files: BTreeSet<String>,
    /// `mod name { ... }`.
    pub(super) inline: BTreeMap<String, Source>,
    pub(super) imports: Vec<Import>,
    /// Every path in code, also those of one name.
    pub(super) paths: BTreeSet<Path>,
    /// The names of the items that the module defines.
    pub(super) items: BTreeSet<String>,
    /// Modules behind `#[cfg(test)]`.
    pub(super) tests: BTreeSet<String>,
}

/// One leaf of a `use`.
#[derive(Debug)]
pub(super) struct Import {
    /// Without a final `self` or `*`.
    pub(super) path: Path,
    /// The name in this module. `None`: all names of the path, `*`.
    pub(super) name: Option<String>,
    /// `pub use`, `pub(crate) use`, ...
    pub(super) is_public: bool,
}

/// Keywords before the name of an item.
const ITEMS: [&str; 10] = ["const", "enum", "fn", "macro_rules", "static", "struct", "trait", "type", "union", "mod"];

impl Source {
    /// # Panics
    /// If the text is no Rust.
    pub(super) fn parse(text: &str) -> Self {
        let mut source = Self::default();
        source.read(text.parse().unwrap(), true);
        source
    }

    /// The paths that the module uses. It does not use what it only hands on with `pub use`.
    pub(super) fn used(&self) -> impl Iterator<Item = &Path> {
        let in_code = |name: &String| self.paths.iter().any(|path| path.first() == Some(name));
        let used = move |import: &&Import| !import.is_public || import.name.as_ref().is_some_and(in_code);
        // One name in code is a value, a type or a field. A module alone is none of them.
        let code = self.paths.iter().filter(|path| path.len() > 1);
        self.imports.iter().filter(used).map(|import| &import.path).chain(code)
    }

    /// Reads a token stream. `top`: it is the text of the module itself, and no block in it.
    fn read(&mut self, stream: TokenStream, top: bool) {
        let tokens = stream.into_iter().collect::<Vec<_>>();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let rest = &tokens[at..];
            at += match token {
                TokenTree::Ident(name) if name == "use" => self.read_use(rest, is_public(&tokens[..at])),
                TokenTree::Ident(name) if name == "mod" => self.read_mod(rest, is_for_tests(&tokens[..at])),
                TokenTree::Ident(name) if name == "pub" && is_group(rest.get(1), Delimiter::Parenthesis) => 2,
                TokenTree::Ident(name) => {
                    if top && ITEMS.iter().any(|keyword| name == keyword) {
                        let names = rest[1..].iter().filter_map(identifier);
                        self.items.extend(names.map(ToString::to_string).next());
                    }
                    self.read_path(rest, &tokens[..at])
                }
                TokenTree::Punct(mark) if mark.as_char() == '#' => self.read_attribute(rest),
                TokenTree::Group(group) => {
                    self.read(group.stream(), false);
                    1
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => 1,
            };
        }
    }

    /// Reads `mod name;` or `mod name { ... }`. Returns the number of tokens read.
    fn read_mod(&mut self, tokens: &[TokenTree], is_for_tests: bool) -> usize {
        let Some(name) = tokens.get(1).and_then(identifier) else { return 1 };
        if is_for_tests {
            self.tests.insert(name.to_string());
        }
        match tokens.get(2) {
            Some(TokenTree::Group(body)) => {
                self.inline.entry(name.to_string()).or_default().read(body.stream(), true);
            }
            _ => {
                self.files.insert(name.to_string());
            }
        }
        3
    }

    /// Reads a `use` up to its semicolon. Returns the number of tokens read.
    fn read_use(&mut self, tokens: &[TokenTree], is_public: bool) -> usize {
        let end = tokens.iter().position(|token| is_mark(Some(token), ';')).unwrap_or(tokens.len());
        self.read_tree(&tokens[1..end], &[], is_public);
        end + 1
    }

    /// Reads one tree of a `use` behind a prefix: `a::b`, `a as b`, `a::{b, c::*}`.
    fn read_tree(&mut self, tokens: &[TokenTree], prefix: &[String], is_public: bool) {
        let mut path = prefix.to_vec();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Ident(name) if name == "as" => break,
                TokenTree::Ident(name) => path.push(name.to_string()),
                TokenTree::Group(group) => {
                    let inner = group.stream().into_iter().collect::<Vec<_>>();
                    let trees = inner.split(|token| is_mark(Some(token), ','));
                    trees.filter(|tree| !tree.is_empty()).for_each(|tree| self.read_tree(tree, &path, is_public));
                    return;
                }
                TokenTree::Punct(mark) if mark.as_char() == '*' => {
                    self.imports.push(Import { path, name: None, is_public });
                    return;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            at += 1;
        }
        if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
            path.pop();
        }
        let renamed = tokens.get(at + 1).and_then(identifier).map(ToString::to_string);
        let name = renamed.or_else(|| path.last().cloned());
        self.imports.push(Import { path, name, is_public });
    }

    /// Reads a path of code. `before`: the tokens before it. Returns the number of tokens read.
    fn read_path(&mut self, tokens: &[TokenTree], before: &[TokenTree]) -> usize {
        let mut path = Path::new();
        let mut at = 0;
        while let Some(name) = tokens.get(at).and_then(identifier) {
            path.push(name.to_string());
            at += 1;
            if !(is_mark(tokens.get(at), ':') && is_mark(tokens.get(at + 1), ':')) {
                break;
            }
            at += 2;
        }
        // `value.field` and `Type::<T>::name` are not paths from here.
        let goes_on = is_mark(before.last(), '.') && !is_mark(before.iter().rev().nth(1), '.')
            || is_mark(before.last(), ':') && is_mark(before.iter().rev().nth(1), ':');
        if !goes_on {
            self.paths.insert(path);
        }
        at.max(1)
    }

    /// Reads an attribute: serde names functions by their paths in texts. Returns the number of tokens read.
    fn read_attribute(&mut self, tokens: &[TokenTree]) -> usize {
        let Some(TokenTree::Group(group)) = tokens.get(1).filter(|token| is_group(Some(token), Delimiter::Bracket))
        else {
            return 1;
        };
        let is_doc = group.stream().into_iter().next().is_some_and(|first| first.to_string() == "doc");
        if !is_doc {
            self.read_texts(group.stream());
        }
        2
    }

    fn read_texts(&mut self, stream: TokenStream) {
        for token in stream.clone() {
            match token {
                TokenTree::Group(group) => self.read_texts(group.stream()),
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).map(str::parse);
                    if let Some(Ok(inner)) = inner {
                        self.read(inner, false);
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
        self.read(stream, false);
    }
}

fn identifier(token: &TokenTree) -> Option<&Ident> {
    match token {
        TokenTree::Ident(name) => Some(name),
        _ => None,
    }
}

fn is_mark(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(found)) if found.as_char() == mark)
}

fn is_group(token: Option<&TokenTree>, delimiter: Delimiter) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == delimiter)
}

/// Whether the tokens end with a visibility: `pub` or `pub(crate)`.
fn is_public(before: &[TokenTree]) -> bool {
    let last = match before {
        [before @ .., last] if is_group(Some(last), Delimiter::Parenthesis) => before.last(),
        _ => before.last(),
    };
    last.and_then(identifier).is_some_and(|name| name == "pub")
}

/// Whether the tokens end with `#[cfg(test)]` and a visibility.
fn is_for_tests(before: &[TokenTree]) -> bool {
    let attributes =
        before.iter().rev().take_while(|token| !is_mark(Some(token), ';') && !is_group(Some(token), Delimiter::Brace));
    attributes
        .filter(|token| is_group(Some(token), Delimiter::Bracket))
        .any(|token| token.to_string().replace(' ', "") == "[cfg(test)]")
}
