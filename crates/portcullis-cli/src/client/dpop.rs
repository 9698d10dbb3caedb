//! The key that a token is bound to.

use std::{error::Error, path::Path};

use portcullis_client::DpopKey;
use portcullis_jose::{Algorithm, SigningKey, SigningKeyError};

use super::file;

/// What a key in PEM signs with, which such a file does not say: the first that goes with it. Of those for RSA the one
/// that is not deprecated.
const OF_PEM: [Algorithm; 5] = [
    Algorithm::ES256,
    Algorithm::EdDSA,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::PS256,
];

/// Reads a key in PEM or as a JWK, for DPoP proofs (RFC 9449).
pub(crate) fn read(path: &Path) -> Result<DpopKey, Box<dyn Error>> {
    let content = file::read(path)?;
    let key = parse(content.expose()).and_then(DpopKey::new);
    key.map_err(|error| format!("--dpop-key {}: {error}", path.display()).into())
}

fn parse(content: &[u8]) -> Result<SigningKey, SigningKeyError> {
    if content.trim_ascii_start().starts_with(b"{") {
        return SigningKey::from_jwk(content);
    }
    let [first, others @ ..] = OF_PEM;
    let mut outcome = SigningKey::from_pem(content, first);
    for algorithm in others {
        if outcome.is_err() {
            outcome = SigningKey::from_pem(content, algorithm).or(outcome);
        }
    }
    outcome
}
