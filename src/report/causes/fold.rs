//! Abbreviates many ids in one line: `role-upgrade/{approve,direct#{auth=none,auth=token}}`.

use std::collections::BTreeMap;

/// The first ids, grouped by family and by scenario, and the number of the others. The line has about `width`
/// characters and always contains the first id.
pub(crate) fn fold(ids: &[&str], width: usize) -> String {
    let mut shown = 1.min(ids.len());
    // Each id makes the line longer, so the search ends at the first number of ids that does not fit.
    while shown < ids.len() && folded(&ids[..=shown]).chars().count() <= width {
        shown += 1;
    }
    let line = folded(&ids[..shown]);
    match ids.len() - shown {
        0 => line,
        more => format!("{line} and {more} more"),
    }
}

fn folded(ids: &[&str]) -> String {
    let families = grouped(ids.iter().map(|id| id.split_once('/').map_or((*id, None), |(a, b)| (a, Some(b)))));
    let families = families.into_iter().map(|(family, names)| {
        let names =
            grouped(names.into_iter().map(|name| name.split_once('#').map_or((name, None), |(a, b)| (a, Some(b)))));
        let names = names.into_iter().map(|(name, points)| joined(name, '#', points.iter().map(|p| (*p).to_owned())));
        joined(family, '/', names)
    });
    families.collect::<Vec<_>>().join(", ")
}

/// Groups the ids by prefix, in the order of the first occurrence of each prefix.
fn grouped<'t>(parts: impl Iterator<Item = (&'t str, Option<&'t str>)>) -> Vec<(&'t str, Vec<&'t str>)> {
    let mut order: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (start, rest) in parts {
        let at = *places.entry(start).or_insert_with(|| {
            order.push((start, Vec::new()));
            order.len() - 1
        });
        order[at].1.extend(rest);
    }
    order
}

fn joined(start: &str, mark: char, rest: impl Iterator<Item = String>) -> String {
    match rest.collect::<Vec<_>>().as_slice() {
        [] => start.to_owned(),
        [one] => format!("{start}{mark}{one}"),
        // A point of a matrix with several axes contains commas.
        many if mark == '#' && many.iter().any(|one| one.contains(',')) => format!("{start}#{{{}}}", many.join("; ")),
        many => format!("{start}{mark}{{{}}}", many.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(&[], "")]
    #[case(&["a/b"], "a/b")]
    #[case(&["alone"], "alone")]
    #[case(&["a/b", "a/c", "b/c"], "a/{b,c}, b/c")]
    #[case(&["a/b#x,1", "a/b#x,2"], "a/b#{x,1; x,2}")]
    #[case(&["a/b#x=1", "a/b#x=2", "a/c#y"], "a/{b#{x=1,x=2},c#y}")]
    fn folds_ids_by_family_and_scenario(#[case] ids: &[&str], #[case] line: &str) {
        assert_eq!(fold(ids, 100), line);
    }

    #[test]
    fn counts_ids_beyond_width() {
        let ids = (0..30).map(|n| format!("role-upgrade/case-{n:02}")).collect::<Vec<_>>();
        let ids = ids.iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(fold(&ids, 40), "role-upgrade/{case-00,case-01,case-02} and 27 more");
        assert_eq!(fold(&ids, 1), "role-upgrade/case-00 and 29 more");
    }
}
