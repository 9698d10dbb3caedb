//! Signature algorithms.

use std::fmt;

use aws_lc_rs::{
    hmac,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
        ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaSigningAlgorithm, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
        RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    },
};

/// The algorithm of a [`TestKey`](crate::TestKey) (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2).
///
/// It is not the verifier's type of algorithms: the code that mints the tokens of a test shares nothing with the code
/// that verifies them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256. The default, since its keys are generated fast.
    #[default]
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// Ed25519 under the name `EdDSA`.
    EdDSA,
    /// Ed25519 under the name `Ed25519`.
    Ed25519,
    /// HMAC with SHA-256.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
}

impl SigningAlgorithm {
    /// All algorithms but HMAC.
    pub const ASYMMETRIC: [Self; 11] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::EdDSA,
        Self::Ed25519,
    ];

    /// The name in a token's `alg`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::EdDSA => "EdDSA",
            Self::Ed25519 => "Ed25519",
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
        }
    }

    /// The algorithm in the terms of aws-lc-rs.
    pub(super) fn method(self) -> Method {
        match self {
            Self::RS256 => Method::Rsa(&RSA_PKCS1_SHA256),
            Self::RS384 => Method::Rsa(&RSA_PKCS1_SHA384),
            Self::RS512 => Method::Rsa(&RSA_PKCS1_SHA512),
            Self::PS256 => Method::Rsa(&RSA_PSS_SHA256),
            Self::PS384 => Method::Rsa(&RSA_PSS_SHA384),
            Self::PS512 => Method::Rsa(&RSA_PSS_SHA512),
            Self::ES256 => Method::Ec("P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
            Self::ES384 => Method::Ec("P-384", &ECDSA_P384_SHA384_FIXED_SIGNING),
            Self::ES512 => Method::Ec("P-521", &ECDSA_P521_SHA512_FIXED_SIGNING),
            Self::EdDSA | Self::Ed25519 => Method::Ed25519,
            Self::HS256 => Method::Hmac(hmac::HMAC_SHA256),
            Self::HS384 => Method::Hmac(hmac::HMAC_SHA384),
            Self::HS512 => Method::Hmac(hmac::HMAC_SHA512),
        }
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An algorithm in the terms of aws-lc-rs.
pub(super) enum Method {
    Rsa(&'static dyn aws_lc_rs::signature::RsaEncoding),
    /// The name of the curve (RFC 7518 §6.2.1.1) and the algorithm.
    Ec(&'static str, &'static EcdsaSigningAlgorithm),
    Ed25519,
    Hmac(hmac::Algorithm),
}
