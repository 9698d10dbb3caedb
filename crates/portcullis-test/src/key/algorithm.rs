//! Signature algorithms.

use std::fmt;

use aws_lc_rs::{
    hmac,
    signature::{self, EcdsaSigningAlgorithm, RsaEncoding},
};

use self::Method::{Ec, Hmac, Rsa};

/// Defines [`SigningAlgorithm`] from one table.
macro_rules! algorithms {
    ($($(#[$attribute:meta])+ $name:ident: $method:expr,)+) => {
        /// The algorithm of a [`TestKey`](crate::TestKey) (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum SigningAlgorithm {
            $($(#[$attribute])+ $name,)+
        }

        impl SigningAlgorithm {
            /// The name in a token's `alg`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            pub(super) fn method(self) -> Method {
                match self {
                    $(Self::$name => $method,)+
                }
            }
        }
    };
}

algorithms! {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256: Rsa(&signature::RSA_PKCS1_SHA256),
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384: Rsa(&signature::RSA_PKCS1_SHA384),
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512: Rsa(&signature::RSA_PKCS1_SHA512),
    /// RSASSA-PSS with SHA-256.
    PS256: Rsa(&signature::RSA_PSS_SHA256),
    /// RSASSA-PSS with SHA-384.
    PS384: Rsa(&signature::RSA_PSS_SHA384),
    /// RSASSA-PSS with SHA-512.
    PS512: Rsa(&signature::RSA_PSS_SHA512),
    /// ECDSA on P-256 with SHA-256. The default, since its keys are generated fast.
    #[default]
    ES256: Ec("P-256", &signature::ECDSA_P256_SHA256_FIXED_SIGNING),
    /// ECDSA on P-384 with SHA-384.
    ES384: Ec("P-384", &signature::ECDSA_P384_SHA384_FIXED_SIGNING),
    /// ECDSA on P-521 with SHA-512.
    ES512: Ec("P-521", &signature::ECDSA_P521_SHA512_FIXED_SIGNING),
    /// Ed25519 under the name `EdDSA`.
    EdDSA: Method::Ed25519,
    /// Ed25519 under the name `Ed25519`.
    Ed25519: Method::Ed25519,
    /// HMAC with SHA-256.
    HS256: Hmac(hmac::HMAC_SHA256),
    /// HMAC with SHA-384.
    HS384: Hmac(hmac::HMAC_SHA384),
    /// HMAC with SHA-512.
    HS512: Hmac(hmac::HMAC_SHA512),
}

impl SigningAlgorithm {
    /// All algorithms but HMAC.
    pub const ASYMMETRIC: [Self; 11] = {
        use SigningAlgorithm::*;
        [
            RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519,
        ]
    };

    /// The algorithm that stands for all that can use the same key.
    pub(super) fn family(self) -> Self {
        match self.method() {
            Method::Rsa(_) => Self::RS256,
            Method::Ec(..) => self,
            Method::Ed25519 => Self::Ed25519,
            Method::Hmac(_) => Self::HS256,
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
    Rsa(&'static dyn RsaEncoding),
    /// With the name of the curve.
    Ec(&'static str, &'static EcdsaSigningAlgorithm),
    Ed25519,
    Hmac(hmac::Algorithm),
}
