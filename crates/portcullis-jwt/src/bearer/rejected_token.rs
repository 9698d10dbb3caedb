//! Whose token was rejected, for the log, and whether newer keys could change the verdict.

use portcullis_core::log::escape;
use portcullis_jose::{CompactJws, Header};

use crate::{JwtVerifier, VerifyError, claims::Claims, verify_error::quoted};

/// Whose token was rejected, for the log: empty for errors that are found before the signature is checked. The client is
/// named only once it is verified.
pub(super) fn whose(
    verifier: &JwtVerifier,
    jws: &CompactJws<'_>,
    header: &Header,
    error: &VerifyError,
) -> String {
    use VerifyError::{AlgorithmNotAllowed, Issuer, Jws, Type};

    // Before the signature, or signed but naming another issuer. Anyone can cause these errors, and each says what it found.
    if matches!(
        error,
        Jws(_) | AlgorithmNotAllowed(_) | Type { .. } | Issuer(_)
    ) {
        return String::new();
    }
    let (issuer, kid) = (verifier.issuer(), quoted(header.kid(), escape));
    if is_worth_a_signal(error) {
        return format!(" (checked as a token of issuer {issuer:?}; in its header `kid` is {kid})");
    }
    let payload = jws.payload().unwrap_or_default();
    let claims = Claims::parse(&payload).ok();
    let client = claims
        .as_ref()
        .and_then(|it| verifier.profile.client_id(it));
    let client = quoted(client, escape);
    format!(" (a token of issuer {issuer:?}, client {client}, `kid` {kid})")
}

/// True for every error that newer keys could change. The request waits for only some of them
/// ([`VerifyError::may_wait_for_keys`]).
pub(super) fn is_worth_a_signal(error: &VerifyError) -> bool {
    let is_bad_signature = matches!(
        error,
        VerifyError::Signature(_) | VerifyError::KidForOtherAlgorithm(_)
    );
    is_bad_signature || error.may_wait_for_keys() || error.is_undecided()
}
