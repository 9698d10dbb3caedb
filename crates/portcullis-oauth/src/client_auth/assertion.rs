//! Client assertions: a JWT that a client signs to say who it is (RFC 7523 §2.2, §3).

use std::time::Duration;

use aws_lc_rs::rand;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use portcullis_core::UnixTime;
use portcullis_jose::SigningKey;
use serde::Serialize;
use zeroize::Zeroizing;

use super::file::failed;
use crate::FetchError;

/// The value of `client_assertion_type` (RFC 7523 §2.2).
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How the assertion says what it is, so that it is taken for no other token (RFC 7523bis §4).
pub(super) const TYP: &str = "client-authentication+jwt";

/// How long an assertion can be used: as long as it takes to arrive, with clocks that differ a little.
const LIFETIME: Duration = Duration::from_secs(60);

#[derive(Serialize)]
struct Claims<'c> {
    iss: &'c str,
    sub: &'c str,
    /// One string, not a list: whoever receives it must be able to tell that it is meant alone.
    aud: &'c str,
    jti: String,
    iat: u64,
    exp: u64,
}

/// A fresh assertion of the client, for `audience`.
pub(super) fn make(
    key: &SigningKey,
    client_id: &str,
    audience: &str,
    typ: &str,
    now: UnixTime,
) -> Result<Zeroizing<String>, FetchError> {
    let mut id = [0; 16];
    rand::fill(&mut id)
        .map_err(|_| failed("the operating system gave no random numbers".to_owned()))?;
    let claims = Claims {
        iss: client_id,
        sub: client_id,
        aud: audience,
        jti: BASE64_URL_SAFE_NO_PAD.encode(id),
        iat: now.as_secs(),
        exp: now.saturating_add(LIFETIME).as_secs(),
    };
    key.sign_compact(Some(typ), &claims)
        .map(Zeroizing::new)
        .map_err(|error| {
            failed(format!(
                "the client's assertion could not be signed: {error}"
            ))
        })
}
