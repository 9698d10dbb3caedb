//! Every way for a key set to be no good, and a few in which it is good all the same.

use std::time::Duration;

use portcullis_test::{Fault, TestIssuer};
use serde_json::json;

use super::service::TIMEOUT;

/// What comes of a fetch that meets a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fetch {
    /// The keys at hand stay.
    Fails,
    /// The published keys come through.
    Succeeds,
}

/// A fault of the key set's endpoint.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) fault: Fault,
    pub(super) fetch: Fetch,
}

/// The cases; a redirect leads to the keys of `stranger`.
pub(super) fn of_key_set(stranger: &TestIssuer) -> Vec<Case> {
    let strangers_keys = json!({ "keys": [] , "jwks_uri": stranger.jwks_uri() });
    let fails = [
        ("down", Fault::Down),
        ("hanging", Fault::Hang),
        ("stalled half-way", Fault::Stalled),
        ("cut off half-way", Fault::CutOff),
        ("too slow", Fault::Slow(TIMEOUT * 10)),
        ("500", Fault::Status(500)),
        ("502", Fault::Status(502)),
        ("503", Fault::Status(503)),
        ("401", Fault::Status(401)),
        ("403", Fault::Status(403)),
        ("404", Fault::Status(404)),
        ("204", Fault::Status(204)),
        ("206", Fault::Status(206)),
        ("304 unasked", Fault::Status(304)),
        ("429", Fault::TooManyRequests { retry_after: None }),
        (
            "429 with Retry-After",
            Fault::TooManyRequests {
                retry_after: Some(Duration::from_secs(3600)),
            },
        ),
        ("HTML", Fault::Html),
        ("empty", Fault::Empty),
        ("an empty set", Fault::EmptySet),
        ("null", Fault::Null),
        ("truncated", Fault::Truncated),
        ("huge", Fault::Huge { bytes: 1 << 20 }),
        ("a thousand keys", Fault::ThousandKeys),
        ("redirected", Fault::Redirect(stranger.jwks_uri())),
        ("redirected nowhere", Fault::Redirect("/".into())),
        ("a list", Fault::Json(json!([]))),
        ("a string", Fault::Json(json!("keys"))),
        ("no keys member", Fault::Json(json!({}))),
        ("keys null", Fault::Json(json!({ "keys": null }))),
        ("keys an object", Fault::Json(json!({ "keys": {} }))),
        (
            "no usable key",
            Fault::Json(json!({ "keys": [{}, { "kty": "oct", "k": "AAAA" }] })),
        ),
        ("a pointer elsewhere", Fault::Json(strangers_keys)),
        ("UTF-16", answer("\u{feff}{\"keys\":[]}", utf16)),
        ("no UTF-8", answer("{\"keys\":[]}", |_| vec![0xff; 64])),
    ];
    let succeeds = [
        ("slow", Fault::Slow(Duration::from_millis(50))),
        ("noise among the keys", Fault::NoisyKeys),
        ("as text/plain", Fault::WrongContentType),
    ];
    let case = |fetch| {
        move |(name, fault)| Case {
            name,
            fault,
            fetch,
        }
    };
    let fails = fails.into_iter().map(case(Fetch::Fails));
    fails
        .chain(succeeds.into_iter().map(case(Fetch::Succeeds)))
        .collect()
}

fn answer(text: &str, encode: fn(&str) -> Vec<u8>) -> Fault {
    Fault::Answer {
        status: 200,
        content_type: "application/jwk-set+json",
        body: encode(text),
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
