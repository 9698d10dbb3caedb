//! A rejected token, and what the log says about it.

use portcullis_core::log::escape;
use portcullis_jose::{CompactJws, Header};

use crate::{IssuerKeys, JwtVerifier, VerifyError, claims::Claims, verify_error::quoted};

pub(super) struct Rejected {
    pub(super) error: VerifyError,
    /// The keys that the token was checked with, and their epoch; `None` if it was rejected before the keys were
    /// looked up.
    pub(super) keys: Option<(IssuerKeys, u64)>,
    /// The end of the log message, made by [`whose_token`]; empty without `keys`.
    pub(super) whose: Box<str>,
}

impl<E: Into<VerifyError>> From<E> for Rejected {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            keys: None,
            whose: Box::default(),
        }
    }
}

/// Whose token failed with `error`, for the end of the log message. Names the client only if the signature was verified.
pub(super) fn whose_token(
    verifier: &JwtVerifier,
    jws: &CompactJws<'_>,
    header: &Header,
    error: &VerifyError,
) -> String {
    use VerifyError::{AlgorithmNotAllowed, Issuer, Jws, Type};

    // The token's form, header or issuer is wrong, and the error itself says how.
    if let Jws(_) | AlgorithmNotAllowed(_) | Type { .. } | Issuer(_) = error {
        return String::new();
    }
    let (issuer, kid) = (verifier.issuer(), quoted(header.kid(), escape));
    if error.key_problem().is_some() {
        return format!(" (checked as a token of issuer {issuer:?}; in its header `kid` is {kid})");
    }
    let payload = jws.payload().unwrap_or_default();
    let claims = Claims::parse(&payload);
    let client = claims.iter().find_map(|it| verifier.profile.client_id(it));
    let client = quoted(client, escape);
    format!(" (a token of issuer {issuer:?}, client {client}, `kid` {kid})")
}
