//! Why a key cannot sign, or did not.

use crate::algorithm::Algorithm;
use crate::jwk::SkipReason;
use crate::key_material::KeyRejected;

/// Why something is not a private key to sign with.
///
/// Nothing of the key is in it.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeyError {
    /// No key could be made, for want of random numbers.
    #[error("no key could be made: the operating system gave no random numbers")]
    NotGenerated,
    /// There is no private key in the PEM text.
    #[error(
        "there is no private key in the PEM text: it needs a block `PRIVATE KEY`, `EC PRIVATE KEY` or \
         `RSA PRIVATE KEY`"
    )]
    NoKey,
    /// More than one private key: which is meant cannot be told.
    #[error("there are {count} private keys in the PEM text: leave only the one to sign with")]
    SeveralKeys {
        /// How many.
        count: usize,
    },
    /// The key is protected with a passphrase.
    #[error(
        "the private key is encrypted: decrypt it first, with `openssl pkey -in FILE -out NEW_FILE` for instance"
    )]
    Encrypted,
    /// The key is in OpenSSH's own format.
    #[error(
        "the private key is in the format of OpenSSH: convert a copy with `ssh-keygen -p -m PKCS8 -f COPY`"
    )]
    OpenSsh,
    /// Not PEM, or not the encoding of a key.
    #[error(
        "the PEM text is ill-formed: see whether the file is whole and `openssl pkey -in FILE -noout` reads it"
    )]
    Malformed,
    /// A key of a kind that no supported algorithm uses.
    #[error(
        "the type of the key is not supported: make one for RSA, for EC on P-256, P-384 or P-521, or for Ed25519"
    )]
    UnsupportedType,
    /// A member of the JWK is absent or ill-formed, or forbids to sign.
    #[error("the JWK cannot be used: {0}")]
    Jwk(SkipReason),
    /// `key_ops` does not list `sign` (RFC 7517 §4.3).
    #[error("the JWK cannot be used: `key_ops` does not list `sign`")]
    OtherOperations,
    /// The JWK is a public key.
    #[error("the JWK has no `d`, so it is a public key: configure the private key it belongs to")]
    PublicKey,
    /// The JWK is a shared secret.
    #[error("the JWK is symmetric: pass the secret to `SigningKey::from_secret`")]
    Symmetric,
    /// An RSA key with `d` alone, or without some of the members that RFC 7518 §6.3.2 says should be there.
    #[error(
        "the RSA key has no `{name}`: export it with all of `p`, `q`, `dp`, `dq` and `qi`, or as PEM"
    )]
    IncompleteRsa {
        /// The member.
        name: &'static str,
    },
    /// An RSA key of more than two primes (RFC 7518 §6.3.2.7).
    #[error("the RSA key has more than two primes (`oth`): make one of two primes")]
    MultiPrime,
    /// The JWK has no `alg`, and its type allows several.
    #[error("the JWK has no `alg`: name the algorithm with `SigningKey::from_jwk_with`")]
    NoAlgorithm,
    /// The JWK is for another algorithm than the one that was asked for.
    #[error(
        "the JWK is for {found} by its `alg` or `crv`, not for {asked}: change the one or the other"
    )]
    OtherAlgorithm {
        /// The key's.
        found: Algorithm,
        /// The one asked for.
        asked: Algorithm,
    },
    /// There is no certificate in the PEM text.
    #[error("there is no certificate in the PEM text: it needs a block `CERTIFICATE`")]
    NoCertificate,
    /// The certificate is for another key.
    #[error(
        "the certificate is for another key: give the one that was issued for the public half of this key"
    )]
    OtherCertificate,
    /// The numbers of the key are not those of one key: its public half belongs to another private one, for instance.
    #[error("the numbers of the key contradict each other: export the key again")]
    Inconsistent,
    /// The key cannot be used, or not with the algorithm.
    #[error(transparent)]
    Rejected(#[from] KeyRejected),
}

impl std::fmt::Debug for SigningKeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        portcullis_core::debug_as_report(self, f)
    }
}

impl From<SkipReason> for SigningKeyError {
    fn from(reason: SkipReason) -> Self {
        match reason {
            SkipReason::Symmetric => Self::Symmetric,
            SkipReason::Rejected(rejected) => Self::Rejected(rejected),
            other => Self::Jwk(other),
        }
    }
}

/// Why nothing was signed.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The claims cannot be written as JSON.
    #[error("the claims cannot be written as JSON")]
    Claims(#[source] serde_json::Error),
    /// The claims are not a JSON object (RFC 7519 §3).
    #[error("the claims are not a JSON object: pass a map or a struct with named fields")]
    ClaimsNotAnObject,
    /// The cryptographic library failed, for want of random numbers for instance.
    #[error(
        "the cryptographic library could not sign: try again, and look to the system's source of random numbers"
    )]
    Library,
}

impl std::fmt::Debug for SignError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        portcullis_core::debug_as_report(self, f)
    }
}
