//! Keys from a file, for issuers that do not publish them.

use std::{fmt::Display, path::Path};

use portcullis_core::ConfigError;
use portcullis_jose::{Algorithm, KeySet};
use portcullis_jwt::IssuerKeys;

/// The keys of `issuer`, from a file with a JWK Set (RFC 7517 §5). They are read once and do not change.
///
/// # Errors
///
/// If the file cannot be read, every user may write it, or it holds no usable key.
pub fn keys_from_jwks_file(
    issuer: &str,
    path: impl AsRef<Path>,
) -> Result<IssuerKeys, ConfigError> {
    load(issuer, path.as_ref(), KeySet::parse)
}

/// The keys of `issuer`, from a file with public keys in PEM, all for `algorithm`. They are read once and do not change.
///
/// # Errors
///
/// If the file cannot be read, every user may write it, it holds no key or a private key, or a key is not for `algorithm`.
pub fn keys_from_pem_file(
    issuer: &str,
    path: impl AsRef<Path>,
    algorithm: Algorithm,
) -> Result<IssuerKeys, ConfigError> {
    load(issuer, path.as_ref(), |pem| {
        KeySet::from_pem(pem, algorithm)
    })
}

fn load<E: Display>(
    issuer: &str,
    path: &Path,
    parse: impl FnOnce(&[u8]) -> Result<KeySet, E>,
) -> Result<IssuerKeys, ConfigError> {
    let problem = |what: &dyn Display| {
        ConfigError::new("keys", format!("key file {}: {what}", path.display()))
    };
    let contents = portcullis_file::read_trusted(path, KeySet::MAX_BYTES as u64)
        .map_err(|error| problem(&error))?;
    for warning in contents.access_warnings(false) {
        tracing::warn!(path = %path.display(), "issuer key file: {warning}");
    }
    let keys = parse(contents.bytes()).map_err(|error| problem(&error))?;
    IssuerKeys::fixed(issuer, keys)
}
