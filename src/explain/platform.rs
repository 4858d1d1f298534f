//! The platforms that clients send.

/// The platform of the machine that clawcheck runs on.
pub(super) const LOCAL_PLATFORM: &str = "linux";

/// The platform after an update: its last number is one greater. `None` without a number.
pub(super) fn next_version(platform: &str) -> Option<String> {
    let end = platform.rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = platform[..end].trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let next = platform[start..end].parse::<u32>().ok()?.checked_add(1)?;
    Some(format!("{}{next}{}", &platform[..start], &platform[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::last_number("iOS 17.1", Some("iOS 17.2"))]
    #[case::number_in_the_middle("macOS 26.9 (arm64)", Some("macOS 26.9 (arm65)"))]
    #[case::only_a_number("17", Some("18"))]
    #[case::after_a_character_of_several_bytes("iOS\u{a0}17", Some("iOS\u{a0}18"))]
    #[case::no_number("linux", None)]
    #[case::no_room("4294967295", None)]
    fn version_after_update(#[case] platform: &str, #[case] expected: Option<&str>) {
        assert_eq!(next_version(platform).as_deref(), expected);
    }
}
