//! Names of signature algorithms.

use portcullis_jose::Algorithm;

/// Parses the name of an algorithm of assertions.
pub(crate) fn parse_any(name: &str) -> Result<Algorithm, String> {
    let known = [&Algorithm::ASYMMETRIC[..], &Algorithm::SYMMETRIC].concat();
    parse(name, &known)
}

/// Parses the name of an algorithm whose verification key is public.
pub(crate) fn parse_asymmetric(name: &str) -> Result<Algorithm, String> {
    parse(name, &Algorithm::ASYMMETRIC)
}

fn parse(name: &str, known: &[Algorithm]) -> Result<Algorithm, String> {
    let parsed = name.parse().ok().filter(|found| known.contains(found));
    parsed.ok_or_else(|| format!("unknown algorithm: give {}", any_of(known)))
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
