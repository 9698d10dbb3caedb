//! Keys from a file, for issuers that do not publish them.

use std::path::Path;

use portcullis_core::ConfigError;
use portcullis_file::WatchedFile;
use portcullis_jose::{Algorithm, KeySet};
use portcullis_jwt::IssuerKeys;

/// The keys of `issuer`, from a file with a JWK Set (RFC 7517 §5). They are read once and do not change.
///
/// # Errors
///
/// If the file cannot be read or holds no usable key.
pub fn keys_from_jwks_file(
    issuer: &str,
    path: impl AsRef<Path>,
) -> Result<IssuerKeys, ConfigError> {
    let path = path.as_ref();
    let keys = KeySet::parse(&read(path)?).map_err(|error| problem(path, &error))?;
    IssuerKeys::fixed(issuer, keys)
}

/// The keys of `issuer`, from a file with public keys in PEM, all for `algorithm`. They are read once and do not change.
///
/// # Errors
///
/// If the file cannot be read, holds no key or a private key, or a key is not for `algorithm`.
pub fn keys_from_pem_file(
    issuer: &str,
    path: impl AsRef<Path>,
    algorithm: Algorithm,
) -> Result<IssuerKeys, ConfigError> {
    let path = path.as_ref();
    let keys = KeySet::from_pem(&read(path)?, algorithm).map_err(|error| problem(path, &error))?;
    IssuerKeys::fixed(issuer, keys)
}

fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let mut file = WatchedFile::new("issuer key file", path, KeySet::MAX_BYTES as u64).public();
    let contents = file.read().map_err(|error| problem(path, &error))?;
    Ok(contents.into_bytes())
}

fn problem(path: &Path, what: &dyn std::fmt::Display) -> ConfigError {
    ConfigError::new("keys", format!("{}: {what}", path.display()))
}
