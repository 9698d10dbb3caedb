//! Errors of reading private keys and of signing.

use crate::algorithm::Algorithm;
use crate::jwk::SkipReason;
use crate::key_material::KeyRejected;

/// Why a private key cannot be read or used. It contains no secret of the key.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeyError {
    /// No key could be generated without random numbers.
    #[error("no key was generated: no random numbers; check whether a sandbox forbids them")]
    NotGenerated,
    /// The PEM text has no private key.
    #[error(
        "there is no private key in the PEM text: it needs a block `PRIVATE KEY`, `EC PRIVATE KEY` or \
         `RSA PRIVATE KEY`"
    )]
    NoKey,
    /// The PEM text has more than one private key.
    #[error("there are {0} private keys in the PEM text: keep only the one to sign with")]
    SeveralKeys(usize),
    /// The key is protected by a passphrase.
    #[error("the private key is encrypted: decrypt it with `openssl pkey -in FILE -out NEW`")]
    Encrypted,
    /// The key is in the format of OpenSSH.
    #[error(
        "this is an OpenSSH key: convert a copy with `ssh-keygen -p -m PKCS8 -f COPY`; for Ed25519 make a new key with `openssl genpkey -algorithm ed25519`"
    )]
    OpenSsh,
    /// The text is not well-formed PEM, or the block is not a well-formed key.
    #[error(
        "the PEM text is ill-formed: check that the file is complete and that `openssl pkey -in FILE -noout` (`openssl x509` for a certificate) reads it"
    )]
    Malformed,
    /// No supported algorithm uses keys of this type.
    #[error("unsupported type of key: use RSA, EC on P-256, P-384 or P-521, or Ed25519")]
    UnsupportedType,
    /// A member of the JWK is absent, ill-formed, or does not allow signing.
    #[error("this JWK cannot be used for signing: {0}")]
    Jwk(SkipReason),
    /// `key_ops` does not list `sign` (RFC 7517 §4.3).
    #[error(
        "this JWK is not for signing: its `key_ops` does not list `sign`: use the private key made for signing, or add \
         `sign` if this is that key"
    )]
    OtherOperations,
    /// The JWK is a public key.
    #[error("this JWK is a public key (it has no `d`): configure the matching private key")]
    PublicKey,
    /// The JWK is a shared secret.
    #[error(
        "this key is a shared secret: use a private key here; for `client_secret_jwt` use `ClientAuthentication::secret_jwt`"
    )]
    Symmetric,
    /// The RSA key lacks one of `p`, `q`, `dp`, `dq` and `qi` (RFC 7518 §6.3.2).
    #[error("the RSA key has no `{0}`: export it with `p`, `q`, `dp`, `dq` and `qi`, or as PEM")]
    IncompleteRsa(&'static str),
    /// The RSA key has more than two primes (RFC 7518 §6.3.2.7).
    #[error("the RSA key has more than two primes (`oth`): use a key with two primes")]
    MultiPrime,
    /// The JWK has no `alg`, and several algorithms fit its type.
    #[error("this JWK has no `alg`: add it, or pass the algorithm to `SigningKey::from_jwk`")]
    NoAlgorithm,
    /// The JWK is for another algorithm than the requested one.
    #[error("this JWK is for {found} (by its `{by}`), not {asked}: use {found}, or another key")]
    OtherAlgorithm {
        /// The algorithm of the key.
        found: Algorithm,
        /// The member that says so: `alg` or `crv`.
        by: &'static str,
        /// The requested algorithm.
        asked: Algorithm,
    },
    /// The PEM text has no certificate.
    #[error("there is no certificate in the PEM text: it needs a block `CERTIFICATE`")]
    NoCertificate,
    /// The certificate is for another key.
    #[error(
        "the certificate is for another private key: use the certificate that was issued for this private key, or \
         correct the key if the key is the wrong one"
    )]
    OtherCertificate,
    /// The numbers of the key do not match: its public half belongs to another private key, for instance.
    #[error(
        "the private key is damaged or is for another curve: check its algorithm, or export it again"
    )]
    Inconsistent,
    /// The key cannot be used with the algorithm, or at all.
    #[error(transparent)]
    Rejected(#[from] KeyRejected),
}

portcullis_core::debug_as_report!(SigningKeyError);

impl From<SkipReason> for SigningKeyError {
    fn from(reason: SkipReason) -> Self {
        match reason {
            SkipReason::Symmetric => Self::Symmetric,
            SkipReason::Rejected(rejected) => Self::Rejected(rejected),
            other => Self::Jwk(other),
        }
    }
}

/// Why signing failed.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The claims cannot be serialized.
    #[error("the claims cannot be serialized as JSON: correct their type")]
    Claims(#[source] serde_json::Error),
    /// The claims are not a JSON object (RFC 7519 §3).
    #[error("the claims are not a JSON object: pass a map or a struct with named fields")]
    ClaimsNotAnObject,
    /// Assertions and DPoP proofs need a random `jti` (RFC 7523 §3, RFC 9449 §4.2).
    #[error("the operating system gave no random numbers: check whether a sandbox forbids it")]
    NoRandomness,
    /// The cryptographic library failed. It gives no reason.
    #[error(
        "the cryptographic library failed to sign, without a reason: if this persists, restart the process and check the key"
    )]
    Library,
}

portcullis_core::debug_as_report!(SignError);
