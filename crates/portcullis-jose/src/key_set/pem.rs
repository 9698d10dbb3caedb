//! Reads public keys in PEM (RFC 7468 §13): `PUBLIC KEY`, and the `RSA PUBLIC KEY` of OpenSSL.

use pkcs1::RsaPublicKeyRef;
use spki::SubjectPublicKeyInfoRef;
use spki::der::{Decode as _, pem};

use super::{KeySet, VerificationKey};
use crate::algorithm::Algorithm;
use crate::backend::{AwsLc, SignatureBackend};
use crate::key_material::{Curve, KeyMaterial, KeyRejected};
use crate::pem::{EC, ED25519, RSA, blocks};

/// Why a PEM text cannot be read as verification keys.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// There is no PEM block.
    #[error("there is no PEM block `PUBLIC KEY` or `RSA PUBLIC KEY`: give a public key")]
    NoKey,
    /// A private key, which only the issuer may have.
    #[error("this is a private key, now compromised: replace it, and configure the new public key")]
    PrivateKey,
    /// A certificate or something else. With the number of the block, from 1.
    #[error("PEM block {0} is not a public key: remove it, or convert it (`openssl x509 -pubkey`)")]
    OtherLabel(usize),
    /// Not well-formed PEM, or not a well-formed key.
    #[error("the PEM text is ill-formed: check it with `openssl pkey -pubin -in FILE -noout`")]
    Malformed,
    /// No supported algorithm uses keys of this type. With the number of the block, from 1.
    #[error(
        "PEM block {0} has an unsupported type or curve: use RSA (rsaEncryption), EC on P-256, P-384 or P-521, or Ed25519"
    )]
    UnsupportedType(usize),
    /// More than [`KeySet::MAX_CANDIDATES`] keys.
    #[error("more than {} keys (fixed limit): remove some", KeySet::MAX_CANDIDATES)]
    TooManyKeys,
    /// The key cannot be used, or not with the algorithm.
    #[error(transparent)]
    Rejected(#[from] KeyRejected),
}

portcullis_core::debug_as_report!(PemError);

impl KeySet {
    /// Reads PEM with one or more public keys (`PUBLIC KEY` or `RSA PUBLIC KEY`), all for `algorithm`.
    ///
    /// The keys have no `kid`, so they are tried for any `kid`. To rotate, put the next key beside the current one.
    ///
    /// # Errors
    ///
    /// If there is no key, a private key, or a key that does not fit `algorithm`.
    pub fn from_pem(pem: &[u8], algorithm: Algorithm) -> Result<Self, PemError> {
        Self::from_pem_with(pem, algorithm, &AwsLc)
    }

    /// As [`from_pem`](Self::from_pem), with another backend.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem).
    pub fn from_pem_with(
        pem: &[u8],
        algorithm: Algorithm,
        backend: &dyn SignatureBackend,
    ) -> Result<Self, PemError> {
        let blocks = blocks(pem).ok_or(PemError::Malformed)?;
        match blocks.len() {
            0 => return Err(PemError::NoKey),
            1..=Self::MAX_CANDIDATES => {}
            _ => return Err(PemError::TooManyKeys),
        }
        let keys = (1..).zip(blocks).map(|(number, (label, block))| {
            let key = parse_block(label, block, number)?;
            Ok(VerificationKey::prepare(None, &key, &[algorithm], backend)?)
        });
        Ok(Self::new(keys.collect::<Result<_, PemError>>()?))
    }
}

fn parse_block(label: &str, block: &str, number: usize) -> Result<KeyMaterial, PemError> {
    if label.ends_with("PRIVATE KEY") {
        return Err(PemError::PrivateKey);
    }
    let (_, der) = pem::decode_vec(block.as_bytes()).map_err(|_| PemError::Malformed)?;
    match label {
        "PUBLIC KEY" => parse_spki(&der, number),
        "RSA PUBLIC KEY" => parse_rsa(&der),
        _ => Err(PemError::OtherLabel(number)),
    }
}

fn parse_spki(der: &[u8], number: usize) -> Result<KeyMaterial, PemError> {
    let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| PemError::Malformed)?;
    let key = spki
        .subject_public_key
        .as_bytes()
        .ok_or(PemError::Malformed)?;
    match spki.algorithm.oid {
        RSA => parse_rsa(key),
        EC => {
            let oid = spki.algorithm.parameters_oid();
            let curve = Curve::find(|curve| oid == Ok(curve.oid));
            Ok(curve.ok_or(PemError::UnsupportedType(number))?.key(key)?)
        }
        ED25519 => Ok(KeyMaterial::ed25519(key)?),
        _ => Err(PemError::UnsupportedType(number)),
    }
}

fn parse_rsa(der: &[u8]) -> Result<KeyMaterial, PemError> {
    let key = RsaPublicKeyRef::from_der(der).map_err(|_| PemError::Malformed)?;
    let (modulus, exponent) = (key.modulus.as_bytes(), key.public_exponent.as_bytes());
    Ok(KeyMaterial::rsa(modulus, exponent)?)
}

#[cfg(test)]
pub(super) mod tests {
    use spki::der::pem::LineEnding;

    use super::*;
    use crate::jws::CompactJws;
    use crate::testing::Signer;

    pub(in crate::key_set) fn pem(label: &str, der: &[u8]) -> String {
        pem::encode_string(label, LineEnding::LF, der).expect("a short label")
    }

    fn error(text: &str, algorithm: Algorithm) -> PemError {
        KeySet::from_pem(text.as_bytes(), algorithm).expect_err(text)
    }

    #[test]
    fn key_has_the_same_thumbprint_in_pem_and_jwk() {
        for algorithm in Algorithm::ASYMMETRIC {
            let signer = Signer::new(algorithm);
            let of_jwk = crate::jwk::RawJwk::parse(signer.jwk("").as_bytes())
                .and_then(|mut jwk| jwk.material())
                .expect("usable")
                .thumbprint();
            let keys = KeySet::from_pem(pem("PUBLIC KEY", &signer.spki()).as_bytes(), algorithm)
                .expect("a key");
            let key = keys.keys().next().expect("one key");
            assert_eq!(key.thumbprint(), of_jwk, "{algorithm}");
            assert_eq!(key.algorithms(), [algorithm]);
            assert!(
                key.verify(algorithm, b"message", &signer.raw_signature(b"message"))
                    .is_ok()
            );
            assert!(
                key.verify(algorithm, b"massage", &signer.raw_signature(b"message"))
                    .is_err()
            );
        }
        let signer = Signer::new(Algorithm::PS256);
        let keys = KeySet::from_pem(
            pem("RSA PUBLIC KEY", &signer.pkcs1()).as_bytes(),
            Algorithm::PS256,
        )
        .expect("a key");
        let key = keys.keys().next().expect("one key");
        assert!(
            key.verify(
                Algorithm::PS256,
                b"message",
                &signer.raw_signature(b"message")
            )
            .is_ok()
        );
    }

    #[test]
    fn one_file_may_contain_several_keys() {
        let (old, new) = (
            Signer::new(Algorithm::RS256),
            Signer::other_rsa(Algorithm::RS256),
        );
        let both = format!(
            "# old\n{}\r\n\n# new\n{}\n",
            pem("PUBLIC KEY", &old.spki()),
            pem("RSA PUBLIC KEY", &new.pkcs1())
        );
        let keys = KeySet::from_pem(both.as_bytes(), Algorithm::RS256).expect("two keys");
        assert_eq!(keys.keys().len(), 2);
        for signer in [&old, &new] {
            let token = signer.token(r#","kid":"any""#);
            let jws = CompactJws::parse(&token).expect("three parts");
            let header = jws.header().expect("a good header");
            assert!(keys.verify(&jws, &header).is_ok());
        }
        let five = pem("PUBLIC KEY", &old.spki()).repeat(5);
        assert_eq!(error(&five, Algorithm::RS256), PemError::TooManyKeys);
    }

    #[test]
    fn private_keys_and_malformed_pem_are_rejected() {
        let spki = Signer::new(Algorithm::ES256).spki();
        let good = pem("PUBLIC KEY", &spki);
        assert_eq!(error("", Algorithm::ES256), PemError::NoKey);
        assert_eq!(error("ssh-ed25519 AAAA", Algorithm::ES256), PemError::NoKey);
        for label in [
            "PRIVATE KEY",
            "RSA PRIVATE KEY",
            "EC PRIVATE KEY",
            "ENCRYPTED PRIVATE KEY",
        ] {
            assert_eq!(
                error(&pem(label, &spki), Algorithm::ES256),
                PemError::PrivateKey
            );
        }
        assert_eq!(
            error(
                &format!("{good}{}", pem("PRIVATE KEY", &spki)),
                Algorithm::ES256
            ),
            PemError::PrivateKey
        );
        assert_eq!(
            error(&pem("CERTIFICATE", &spki), Algorithm::ES256),
            PemError::OtherLabel(1)
        );
        for bad in [
            &good[..good.len() - 10],
            &good.replace("END PUBLIC", "END OTHER"),
            &good.replace('M', "!"),
        ] {
            assert_eq!(error(bad, Algorithm::ES256), PemError::Malformed, "{bad}");
        }
        for length in 0..spki.len() {
            assert!(
                KeySet::from_pem(
                    pem("PUBLIC KEY", &spki[..length]).as_bytes(),
                    Algorithm::ES256
                )
                .is_err()
            );
        }
        let longer = [&spki[..], &[0]].concat();
        assert_eq!(
            error(&pem("PUBLIC KEY", &longer), Algorithm::ES256),
            PemError::Malformed
        );
        assert!(KeySet::from_pem(b"-----BEGIN PUBLIC KEY-----\xff", Algorithm::ES256).is_err());
    }

    #[test]
    fn key_that_does_not_fit_the_algorithm_is_rejected() {
        for signer in [
            Signer::new(Algorithm::RS256),
            Signer::new(Algorithm::ES256),
            Signer::new(Algorithm::EdDSA),
        ] {
            let text = pem("PUBLIC KEY", &signer.spki());
            let fitting = Algorithm::ASYMMETRIC
                .into_iter()
                .chain(Algorithm::SYMMETRIC)
                .filter(|algorithm| KeySet::from_pem(text.as_bytes(), *algorithm).is_ok())
                .count();
            assert!(fitting == 1 || fitting == 6, "{fitting}");
        }
        let text = pem("PUBLIC KEY", &Signer::new(Algorithm::ES256).spki());
        let rejected = KeyRejected::WrongAlgorithm(Algorithm::HS256);
        assert_eq!(error(&text, Algorithm::HS256), PemError::Rejected(rejected));
    }
}
