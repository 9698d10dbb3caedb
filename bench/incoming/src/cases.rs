//! Requests that a check must refuse, and three that it must accept.

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use portcullis_test::Broken;

use crate::site::Site;

/// A request and the verdict that it should get.
pub struct Case {
    /// What is special about it.
    pub name: &'static str,
    /// Whether it must be accepted.
    pub good: bool,
    /// Its headers.
    pub headers: HeaderMap,
}

/// Broken tokens by name.
const BROKEN: &[(&str, Broken)] = &[
    ("alg none", Broken::AlgNone),
    ("HS256 keyed with the public PEM", Broken::HmacWithPublicPem),
    ("other alg in the header", Broken::AlgOther),
    ("signed with another key", Broken::WrongKey),
    ("payload swapped", Broken::PayloadSwapped),
    ("signature truncated", Broken::SignatureTruncated),
    ("kid unknown", Broken::UnknownKey),
    ("kid absent, key unknown", Broken::UnknownKeyWithoutKid),
    ("expired", Broken::Expired),
    ("exp absent", Broken::ExpAbsent),
    ("not yet valid (nbf)", Broken::NotYetValid),
    ("audience of another", Broken::AudienceOther),
    ("audience absent", Broken::AudienceAbsent),
    ("issuer of another", Broken::IssuerOther),
    ("issuer absent", Broken::IssuerAbsent),
    ("ID token", Broken::IdToken),
    ("crit with an unknown name", Broken::CritUnknown),
    ("alg twice in the header", Broken::HeaderDuplicateAlg),
    ("scope twice in the claims", Broken::DuplicateScope),
    ("an unknown claim twice", Broken::DuplicateUnknown),
    ("cnf: bound to a key", Broken::Bound),
    ("jwk of a stranger embedded", Broken::EmbeddedJwk),
    ("padded base64", Broken::Padded),
    ("trailing bits in base64", Broken::SignatureTrailingBits),
];

/// All cases for a site.
///
/// # Panics
/// If a token cannot be a header.
#[must_use]
pub fn cases(site: &Site) -> Vec<Case> {
    let token = site.builder().mint();
    let good = bearer(&token);
    let bad = |name, headers| Case {
        name,
        good: false,
        headers: HeaderMap::from_iter(headers),
    };
    let fine = |name, header| Case {
        good: true,
        ..bad(name, vec![header])
    };
    let mut cases = vec![
        fine("a good token", good.clone()),
        fine(
            "scheme in lower case",
            authorization(&format!("bearer {token}")),
        ),
        fine(
            "nbf absent",
            bearer(&site.builder().without_claim("nbf").mint()),
        ),
    ];
    cases.extend(BROKEN.iter().map(|(name, broken)| {
        let token = site.builder().mint_broken(*broken);
        bad(name, vec![bearer(&token)])
    }));
    let expired = bearer(&site.builder().mint_broken(Broken::Expired));
    cases.extend([
        bad("no header", Vec::new()),
        bad("scheme Basic", vec![authorization("Basic dXNlcjpwYXNz")]),
        bad("Bearer a.!.b", vec![authorization("Bearer a.!.b")]),
        bad("Bearer and nothing", vec![authorization("Bearer ")]),
        bad("Bearer é", vec![authorization("Bearer é")]),
        two("the good token twice", [good.clone(), good.clone()]),
        two("good, then expired", [good.clone(), expired.clone()]),
        two("expired, then good", [expired, good]),
    ]);
    cases
}

fn two(name: &'static str, headers: [(http::HeaderName, HeaderValue); 2]) -> Case {
    let mut both = HeaderMap::new();
    for (name, value) in headers {
        both.append(name, value);
    }
    Case {
        name,
        good: false,
        headers: both,
    }
}

fn bearer(token: &str) -> (http::HeaderName, HeaderValue) {
    authorization(&format!("Bearer {token}"))
}

fn authorization(value: &str) -> (http::HeaderName, HeaderValue) {
    let value = HeaderValue::from_bytes(value.as_bytes()).expect("no control characters in it");
    (AUTHORIZATION, value)
}
