//! The private key that a client signs its assertions with.

use std::{error::Error, path::Path};

use portcullis_jose::{Algorithm, SigningKey, SigningKeyError};

use super::file;
use crate::misuse::Misuse;

/// Reads a key in PEM or as a JWK: its content tells which, not its name.
pub(super) fn read(
    path: &Path,
    algorithm: Option<Algorithm>,
    kid: Option<&str>,
) -> Result<SigningKey, Box<dyn Error>> {
    let content = file::read(path)?;
    let key = parse(content.expose(), algorithm)
        .map_err(|problem| problem.told(&path.display().to_string()))?;
    Ok(match kid {
        Some(kid) => key.with_kid(kid),
        None => key,
    })
}

fn parse(content: &[u8], algorithm: Option<Algorithm>) -> Result<SigningKey, Problem> {
    if content.trim_ascii_start().starts_with(b"{") {
        return Ok(match algorithm {
            Some(algorithm) => SigningKey::from_jwk_with(content, algorithm),
            None => SigningKey::from_jwk(content),
        }?);
    }
    // Text may stand before the first block (RFC 7468 §2).
    const BEGIN: &[u8] = b"-----BEGIN ";
    if !content.windows(BEGIN.len()).any(|window| window == BEGIN) {
        return Err(Problem::NeitherForm);
    }
    let algorithm = algorithm.ok_or(Problem::UnnamedAlgorithm)?;
    Ok(SigningKey::from_pem(content, algorithm)?)
}

/// Why a file's content is no key to sign with.
enum Problem {
    NeitherForm,
    /// A PEM file does not say what its key is for.
    UnnamedAlgorithm,
    Key(SigningKeyError),
}

impl From<SigningKeyError> for Problem {
    fn from(error: SigningKeyError) -> Self {
        Self::Key(error)
    }
}

impl Problem {
    fn told(&self, path: &str) -> Box<dyn Error> {
        match self {
            Self::NeitherForm => format!("{path} is neither a PEM file nor a JWK").into(),
            Self::UnnamedAlgorithm => Misuse::new(format!(
                "{path} is a PEM file, which does not say what its key signs with: give --alg, such as --alg ES256"
            ))
            .into(),
            Self::Key(SigningKeyError::NoAlgorithm) => Misuse::new(format!(
                "the JWK in {path} has no `alg`: give --alg, such as --alg PS256"
            ))
            .into(),
            Self::Key(SigningKeyError::OtherAlgorithm { found, asked }) => Misuse::new(format!(
                "--alg {asked}: the JWK in {path} is for {found}: leave --alg out, or give that"
            ))
            .into(),
            Self::Key(SigningKeyError::Symmetric) => format!(
                "the JWK in {path} is a shared secret: put its text in a file, and give --client-secret-file FILE --auth jwt"
            )
            .into(),
            Self::Key(error) => format!("{path}: {error}").into(),
        }
    }
}
