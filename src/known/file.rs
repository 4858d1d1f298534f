//! The form of a list of known deviations: a file, or the keys `known` and `observations` of a gateway description. The doc
//! comments of these types are the descriptions in the JSON Schema.

use super::date::Date;
use crate::judge::cause::CauseKind;
use crate::scenario::Pattern;
use crate::scenario::problems::SpannedError;
use crate::scenario::spans::{Span, Spanned};
use crate::scenario::{deserializer, lint, nodes};
use globset::{Glob, GlobMatcher};
use indexmap::IndexMap;
use nodes::Node;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A list of known deviations of a gateway.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KnownFile {
    /// The known deviations.
    pub(super) known: Vec<Entry>,
    /// Digests of whole observations, by case. A case whose observation has another digest deviates. `clawcheck accept
    /// --known` writes the digests.
    #[serde(default)]
    pub(super) observations: IndexMap<Spanned<String>, Spanned<String>>,
}

/// One known deviation of one or more cases.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// Ids of cases, or globs for ids. Every matching case must show the deviation.
    #[schemars(with = "OneOrMany")]
    pub(super) case: Cases,
    /// The kind of the difference, as the JSON report names it.
    #[serde(default)]
    pub(super) kind: Option<CauseKind>,
    /// The requirement that the gateway does not meet. The entry then applies only to cases that test this requirement.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(super) requirement: Option<Spanned<String>>,
    /// The difference, as the run prints it after the kind. `*` matches any text.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(super) seen: Option<Spanned<Pattern>>,
    /// Why the deviation is accepted.
    #[schemars(with = "String")]
    pub(super) reason: Spanned<String>,
    /// The issue or page where the deviation is tracked: `https://...` or `owner/repository#number`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(super) link: Option<Spanned<String>>,
    /// The last day on which the entry applies.
    #[serde(default)]
    #[schemars(with = "Option<Date>")]
    pub(super) expires: Option<Spanned<Date>>,
    /// Whether the deviation does not occur in every run. The case is played, and conforms with or without the deviation.
    #[serde(default)]
    pub(super) flaky: bool,
    /// Whether the case is not played at all.
    #[serde(default)]
    pub(super) exclude: bool,
}

/// An id or a glob, or a list of them.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// The cases that an entry names.
#[derive(Debug, Clone)]
pub(super) struct Cases(pub(super) Vec<Spanned<CaseGlob>>);

/// An id or a glob.
#[derive(Debug, Clone)]
pub(super) struct CaseGlob {
    pub(super) text: String,
    glob: Option<GlobMatcher>,
}

impl CaseGlob {
    pub(super) fn matches(&self, id: &str) -> bool {
        self.glob.as_ref().map_or_else(|| self.text == id, |glob| glob.is_match(id))
    }

    /// The text before the first `/`, if it is no glob.
    pub(super) fn family(&self) -> Option<&str> {
        let (family, _) = self.text.split_once('/')?;
        (!is_glob(family)).then_some(family)
    }
}

/// Whether a text has the characters of a glob.
pub(super) fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

impl TryFrom<String> for CaseGlob {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let glob = is_glob(&text).then(|| Glob::new(&text)).transpose();
        let glob = glob.map_err(|error| format!("`{text}` is not a valid glob: {}", error.kind()))?;
        Ok(Self { glob: glob.map(|glob| glob.compile_matcher()), text })
    }
}

impl<'de> Deserialize<'de> for CaseGlob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Cases {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Vec<Spanned<CaseGlob>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id, or a list of ids")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(vec![CaseGlob::try_from(text.to_owned()).map_err(E::custom)?.into()])
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = seq.next_element()? {
                    all.push(one);
                }
                if all.is_empty() {
                    Err(serde::de::Error::custom("the list is empty; expected ids of cases"))
                } else {
                    Ok(all)
                }
            }
        }

        let all = Spanned::<AnyCases>::deserialize(deserializer)?;
        let at = all.span;
        let place =
            |case: Spanned<CaseGlob>| if case.span == Span::default() { Spanned { span: at, ..case } } else { case };
        struct AnyCases(Vec<Spanned<CaseGlob>>);
        impl<'de> Deserialize<'de> for AnyCases {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Visitor).map(Self)
            }
        }
        Ok(Self(all.value.0.into_iter().map(place).collect()))
    }
}

/// Whether a text contains only comments.
pub(super) fn has_no_content(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

/// Reads a file.
pub(super) fn parse(text: &str) -> Result<KnownFile, Vec<SpannedError>> {
    if has_no_content(text) {
        let error = SpannedError::at(Span::default(), "the list is empty", "expected `known:`");
        return Err(vec![error.help("write `known: []` for a list without entries")]);
    }
    let root = nodes::parse(text).map_err(|error| vec![error])?;
    let file: KnownFile = deserializer::from_node(&root).map_err(|error| vec![error])?;
    check(file)
}

/// Reads the keys of a gateway description. Empty if it has none.
pub(super) fn parse_description(text: &str) -> Result<KnownFile, Vec<SpannedError>> {
    let root = nodes::parse(text).map_err(|error| vec![error])?;
    let read = |node: Option<&Node>| node.map(deserializer::from_node).transpose().map_err(|error| vec![error]);
    let known: Option<Vec<Entry>> = read(root.get("known"))?;
    let observations =
        root.get("observations").map(deserializer::from_node).transpose().map_err(|error| vec![error])?;
    check(KnownFile { known: known.unwrap_or_default(), observations: observations.unwrap_or_default() })
}

/// Refuses combinations of keys that are not valid.
fn check(file: KnownFile) -> Result<KnownFile, Vec<SpannedError>> {
    let errors = file.known.iter().filter_map(Entry::error).collect::<Vec<_>>();
    if errors.is_empty() { Ok(file) } else { Err(errors) }
}

impl Entry {
    /// The position of the entry.
    pub(super) fn span(&self) -> Span {
        self.case.0.first().map_or(self.reason.span, |case| case.span)
    }

    fn error(&self) -> Option<SpannedError> {
        if self.reason.value.trim().is_empty() {
            let help = "describe why the deviation is accepted, and until when";
            return Some(SpannedError::at(self.reason.span, "the reason is empty", "expected a sentence").help(help));
        }
        if self.exclude && (self.flaky || self.seen.is_some() || self.kind.is_some()) {
            let message = "an excluded case is not played, so `kind`, `seen` and `flaky` have no effect";
            return Some(SpannedError::at(self.span(), message, "this entry excludes the case"));
        }
        if let Some(link) = self.link.as_ref().filter(|link| !lint::is_link(&link.value)) {
            let message = format!("`{}` is not a link", link.value);
            let expected = "expected an https:// URL or owner/repository#number";
            return Some(SpannedError::at(link.span, message, expected));
        }
        if !self.exclude && self.seen.is_none() {
            let message = "`seen` is missing: without it, every deviation of the case would be accepted";
            let help = "copy the text that the run prints after the kind of the difference; `*` matches any text";
            return Some(SpannedError::at(self.span(), message, "what does the case show?").help(help));
        }
        None
    }

    /// The entry as a sentence: the kind and what is seen.
    pub(super) fn sentence(&self) -> String {
        let seen = self.seen.as_ref().map(|seen| seen.value.0.as_str()).unwrap_or_default();
        let requirement =
            self.requirement.as_ref().map(|id| format!(" (requirement {})", id.value)).unwrap_or_default();
        match self.kind {
            Some(kind) => format!("{}: {seen}{requirement}", kind.title()),
            None => format!("{seen}{requirement}"),
        }
    }
}
