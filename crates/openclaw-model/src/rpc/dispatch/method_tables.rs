//! The methods of the newer releases, each set whole: too much came and went to be told as a history.
//!
//! A table is words `NAME:ACCESS` in the order of `hello-ok`, with a `-` before what exists without being listed
//! (`methods/core-descriptors.ts`, from 2026.9.6 on `methods/core-method-policy.ts`).

use crate::rpc::dispatch::access::Access;

/// The methods of 2026.7.35.
pub(in crate::rpc) static V2026_7_35: &str = include_str!("method_tables/2026.7.35.txt");
/// The methods of 2026.9.6.
pub(in crate::rpc) static V2026_9_6: &str = include_str!("method_tables/2026.9.6.txt");

/// The names that a table lists, in its order.
pub(in crate::rpc) fn listed(table: &'static str) -> impl Iterator<Item = &'static str> {
    entries(table).filter_map(|(name, _)| (!name.starts_with('-')).then_some(name))
}

/// Who may call a method of a table; `None` where it has no such method.
pub(in crate::rpc) fn access(table: &'static str, method: &str) -> Option<Access> {
    let is = |(name, _): &(&str, &str)| name.strip_prefix('-').unwrap_or(name) == method;
    entries(table).find(is).map(|(_, letter)| of_letter(letter))
}

fn entries(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.split_ascii_whitespace().filter_map(|word| word.rsplit_once(':'))
}

fn of_letter(letter: &str) -> Access {
    match letter {
        "n" => Access::Node,
        "o" => Access::Operator,
        "r" => Access::Read,
        "w" => Access::Write,
        "v" => Access::Approvals,
        "p" => Access::Pairing,
        "q" => Access::Questions,
        "t" => Access::Talk,
        "s" => Access::SessionsWrite,
        _ => Access::Admin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_table_is_a_method_once() {
        for table in [V2026_7_35, V2026_9_6] {
            let mut names: Vec<&str> = entries(table).map(|(name, _)| name.trim_start_matches('-')).collect();
            assert_eq!(names.len(), table.split_ascii_whitespace().count());
            for (name, letter) in entries(table) {
                assert!(letter == "a" || of_letter(letter) != Access::Admin, "{name}:{letter}");
            }
            names.sort_unstable();
            let all = names.len();
            names.dedup();
            assert_eq!(names.len(), all);
        }
    }
}
