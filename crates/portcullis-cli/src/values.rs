//! The values of options.

use std::time::Duration;

use portcullis_api_key::{KeyPrefix, Limit, Networks};
use portcullis_core::{Scope, ScopeSet};
use portcullis_jose::Algorithm;

/// Parses a duration such as `90d`: a whole number with `s`, `m`, `h` or `d`, at least `1s`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    const FORM: &str = "write a whole number and s, m, h or d, such as 90d";
    const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 60 * 60), ('d', 24 * 60 * 60)];

    let split = |(unit, seconds)| Some((text.strip_suffix(unit)?, seconds));
    let (number, seconds) = UNITS.into_iter().find_map(split).ok_or(FORM)?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(FORM.to_owned());
    }
    let number: Option<u64> = number.parse().ok();
    match number.and_then(|number| number.checked_mul(seconds)) {
        None => Err("the duration is too long: give a shorter one".to_owned()),
        Some(0) => Err("the duration must be at least 1s".to_owned()),
        Some(seconds) => Ok(Duration::from_secs(seconds)),
    }
}

pub(crate) fn requested_scopes(text: &str) -> Result<ScopeSet, String> {
    let scopes = scopes(text)?;
    if scopes.is_empty() {
        return Err(
            "the list of scopes is empty: omit the option to get the server's default scopes"
                .to_owned(),
        );
    }
    Ok(scopes)
}

/// The scopes of a new key. A comma is valid in a scope, but here it is a mistake.
pub(crate) fn granted_scopes(text: &str) -> Result<ScopeSet, String> {
    if text.contains(',') {
        return Err("scopes are separated by spaces, not commas: --scopes \"a b\"".to_owned());
    }
    scopes(text)
}

fn scopes(text: &str) -> Result<ScopeSet, String> {
    let pieces = text.split(' ').filter(|piece| !piece.is_empty());
    let parsed: Result<_, _> = pieces.map(Scope::parse).collect();
    parsed.map_err(|error| error.problem().to_owned())
}

pub(crate) fn key_prefix(text: &str) -> Result<KeyPrefix, String> {
    KeyPrefix::new(text).map_err(|error| error.problem().to_owned())
}

/// Networks such as `192.0.2.0/24,2001:db8::/32`.
pub(crate) fn networks(text: &str) -> Result<Networks, String> {
    let blocks = text.split([',', ' ']).filter(|block| !block.is_empty());
    let networks = Networks::parse(blocks).map_err(|error| error.problem().to_owned())?;
    match networks.are_all() {
        true => Err("give at least one network, or omit the option to allow all".to_owned()),
        false => Ok(networks),
    }
}

/// A limit such as `100/60s`.
pub(crate) fn limit(text: &str) -> Result<Limit, String> {
    const FORM: &str = "write a number of requests and a period, such as 100/60s";

    let (requests, period) = text.split_once('/').ok_or(FORM)?;
    let requests = requests.parse().map_err(|_| FORM)?;
    let period = duration(period).map_err(|_| FORM)?;
    Limit::new(requests, period).map_err(|error| error.problem().to_owned())
}

pub(crate) fn any_algorithm(name: &str) -> Result<Algorithm, String> {
    let known = [&Algorithm::ASYMMETRIC[..], &Algorithm::SYMMETRIC].concat();
    algorithm(name, &known)
}

pub(crate) fn asymmetric_algorithm(name: &str) -> Result<Algorithm, String> {
    algorithm(name, &Algorithm::ASYMMETRIC)
}

fn algorithm(name: &str, known: &[Algorithm]) -> Result<Algorithm, String> {
    let parsed = name.parse().ok().filter(|found| known.contains(found));
    parsed.ok_or_else(|| format!("not an algorithm for this option: give {}", any_of(known)))
}

/// For messages: `HS256, HS384 or HS512`.
pub(crate) fn any_of(algorithms: &[Algorithm]) -> String {
    let names = names(algorithms, ", ");
    match names.rsplit_once(", ") {
        Some((others, last)) => format!("{others} or {last}"),
        None => names,
    }
}

pub(crate) fn names(algorithms: &[Algorithm], separator: &str) -> String {
    let names: Vec<_> = algorithms.iter().map(|found| found.as_str()).collect();
    names.join(separator)
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
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn limit_has_requests_and_a_period() {
        let parsed = limit("100/1m").expect("a limit");
        assert_eq!(
            (parsed.requests().get(), parsed.period()),
            (100, Duration::from_secs(60))
        );
        for bad in [
            "", "100", "100/", "0/60s", "/60s", "100/60", "100/2d", "a/60s",
        ] {
            assert!(limit(bad).is_err(), "{bad}");
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
            assert!(duration(text).is_err(), "{text:?}");
        }
    }
}
