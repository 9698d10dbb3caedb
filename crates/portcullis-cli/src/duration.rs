//! Durations such as `90d`.

use std::time::Duration;

/// Parses a whole number with `s`, `m`, `h` or `d`, at least `1s`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    const FORM: &str = "write a whole number and s, m, h or d, such as 90d";
    const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 60 * 60), ('d', 24 * 60 * 60)];

    let split = |(unit, seconds)| Some((text.strip_suffix(unit)?, seconds));
    let (number, seconds) = UNITS.into_iter().find_map(split).ok_or(FORM)?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(FORM.to_owned());
    }
    let number: Option<u64> = number.parse().ok();
    match number.and_then(|number| number.checked_mul(seconds)) {
        None => Err("the duration is too long".to_owned()),
        Some(0) => Err("it must be at least 1s".to_owned()),
        Some(seconds) => Ok(Duration::from_secs(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_number_with_a_unit_is_parsed() {
        for (text, seconds) in [
            ("1s", 1),
            ("90m", 5_400),
            ("72h", 259_200),
            ("90d", 7_776_000),
            ("007s", 7),
            ("18446744073709551615s", u64::MAX),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn other_text_is_rejected() {
        for text in [
            "",
            "s",
            "1",
            "0s",
            "0d",
            "-1s",
            "+1s",
            "1.5h",
            "1 s",
            " 1s",
            "1s ",
            "1S",
            "1w",
            "1ms",
            "1d12h",
            "1ü",
            "١s",
            "18446744073709551616s",
            "18446744073709551615d",
            "99999999999999999999999d",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
