//! What a repeated request to create a key is recognised by.

use aws_lc_rs::digest::{Context, SHA256};
use http::HeaderMap;
use portcullis_api_key::Idempotency;
use portcullis_core::Principal;
use serde::Serialize;

use crate::router::problem::Problem;

const HEADER: &str = "idempotency-key";
const MAX_LENGTH: usize = 255;

/// The digests of a request with the header `Idempotency-Key`. Callers cannot meet each other's requests.
///
/// # Errors
///
/// 400 when the header is sent twice, is empty, or has characters other than visible ASCII.
pub(crate) fn of(
    headers: &HeaderMap,
    caller: &Principal,
    request: &impl Serialize,
) -> Result<Option<Idempotency>, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let key = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(key), None) if is_key(key.as_bytes()) => key.as_bytes(),
        _ => {
            let detail = "send one `Idempotency-Key` of 1 to 255 visible ASCII characters";
            return Err(Problem::malformed(detail));
        }
    };
    let who = [caller.issuer(), caller.subject(), caller.client_id()];
    let who = who.map(|part| part.map(str::as_bytes));
    // Text and numbers always serialise.
    let request = serde_json::to_vec(request).unwrap_or_default();
    let [issuer, subject, client] = who;
    Ok(Some(Idempotency {
        key: sha256([
            Some(caller.scheme().as_bytes()),
            issuer,
            subject,
            client,
            Some(key),
        ]),
        request: sha256([Some(&request[..])]),
    }))
}

fn is_key(text: &[u8]) -> bool {
    (1..=MAX_LENGTH).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic)
}

/// Digests each part with its length, so that no two lists have the same digest.
fn sha256<const N: usize>(parts: [Option<&[u8]>; N]) -> [u8; 32] {
    let mut digest = Context::new(&SHA256);
    for part in parts {
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        digest.update(&length.to_be_bytes());
        digest.update(part.unwrap_or_default());
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.finish().as_ref());
    bytes
}
