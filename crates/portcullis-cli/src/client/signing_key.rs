//! Private keys, in PEM or as a JWK.

use std::{error::Error, path::Path};

use portcullis_client::DpopKey;
use portcullis_jose::{Algorithm, KeyRejected, SigningKey, SigningKeyError};

use super::file;
use crate::{misuse::misuse, values::any_of};

pub(super) fn read(
    path: &Path,
    algorithm: Option<Algorithm>,
    kid: Option<&str>,
) -> Result<SigningKey, Box<dyn Error>> {
    let content = file::read(path)?;
    let content = content.expose();
    let shown = path.display();
    let key = match algorithm {
        _ if !is_jwk(content) && !is_pem(content) => {
            return Err(format!(
                "{shown} is neither a PEM file nor a JWK: give the private key in one of these forms"
            )
            .into());
        }
        Some(algorithm) => read_for(content, algorithm),
        None if is_jwk(content) => SigningKey::from_jwk(content, None),
        None => {
            return Err(misuse(format!(
                "{shown} is a PEM file, which does not name its algorithm: give --alg, such as --alg ES256"
            )));
        }
    };
    let key = key.map_err(|error| match error {
        SigningKeyError::NoAlgorithm => misuse(format!(
            "the JWK in {shown} has no `alg`: give --alg, such as --alg PS256"
        )),
        SigningKeyError::OtherAlgorithm { found, by, asked } => misuse(format!(
            "--alg {asked}: the JWK in {shown} is for {found} (by its `{by}`): use --alg {found}, or another key"
        )),
        SigningKeyError::Rejected(KeyRejected::WrongAlgorithm(asked)) => {
            let mut fitting = Algorithm::ASYMMETRIC.to_vec();
            fitting.retain(|algorithm| {
                let wrong = KeyRejected::WrongAlgorithm(*algorithm).into();
                read_for(content, *algorithm).err() != Some(wrong)
            });
            let usable = any_of(&fitting);
            misuse(format!(
                "--alg {asked}: the key in {shown} is of another type or curve: use --alg {usable}, or another key"
            ))
        }
        SigningKeyError::Symmetric => format!(
            "the JWK in {shown} is a shared secret: put its decoded `k` in a file, and give --client-secret-file FILE --auth jwt instead of --private-key"
        )
        .into(),
        error => format!("cannot use the key in {shown}: {error}").into(),
    })?;
    Ok(match kid {
        Some(kid) => key.with_kid(kid),
        None => key,
    })
}

fn read_for(content: &[u8], algorithm: Algorithm) -> Result<SigningKey, SigningKeyError> {
    match is_jwk(content) {
        true => SigningKey::from_jwk(content, Some(algorithm)),
        false => SigningKey::from_pem(content, algorithm),
    }
}

pub(crate) fn read_dpop(path: &Path) -> Result<DpopKey, Box<dyn Error>> {
    let content = file::read(path)?;
    let content = content.expose();
    let key = if is_jwk(content) {
        SigningKey::from_jwk(content, None)
    } else {
        // A PEM file does not name its algorithm: the first that suits the key. PS256 instead of the deprecated RS256.
        use Algorithm::{ES256, ES384, ES512, EdDSA, PS256};
        let from_pem = |algorithm| SigningKey::from_pem(content, algorithm);
        let others = [EdDSA, ES384, ES512, PS256].into_iter();
        from_pem(ES256).or_else(|error| others.map(from_pem).find_map(Result::ok).ok_or(error))
    };
    let key = key.and_then(DpopKey::new);
    key.map_err(|error| format!("--dpop-key {}: {error}", path.display()).into())
}

fn is_jwk(content: &[u8]) -> bool {
    content.trim_ascii_start().starts_with(b"{")
}

/// Text may precede the first block (RFC 7468 §2).
fn is_pem(content: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    content.windows(BEGIN.len()).any(|window| window == BEGIN)
}
