//! Errors of reading a token and its header.

use crate::json::JsonError;

/// Why a token is not a JSON Web Signature that this crate accepts.
///
/// It contains nothing of the token, so that it may be shown to the sender.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwsError {
    /// The token or its header is longer than the limit: 8 KiB or 4 KiB by default.
    #[error(
        "the token{} has {bytes} bytes; at most {limit} are accepted: shorten it at the issuer, or raise `max_{part}_bytes` of the verifier",
        if *part == "header" { "'s JOSE header" } else { "" }
    )]
    TooLong {
        /// `token` or `header`.
        part: &'static str,
        /// Its length as it was sent.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The token has neither three parts nor another known form.
    #[error("the token is not a JWT of three parts: check that it is whole, and issued as a JWT")]
    WrongNumberOfParts,
    /// A JWE: five parts (RFC 7516 §3.1), or `enc` in the header.
    #[error("the token is encrypted: have the issuer sign, not encrypt, tokens for this service")]
    Encrypted,
    /// The JSON serialization (RFC 7515 §7.2).
    #[error("the token uses the JSON serialization: have the caller send the compact one")]
    JsonSerialisation,
    /// A token within a token (`cty` is `JWT`, RFC 7519 §5.2).
    #[error("the token wraps another (`cty` is `JWT`): have the issuer sign the claims directly")]
    Nested,
    /// A part has padding, foreign characters or stray bits, so it is not strict base64url (RFC 7515 §2).
    #[error(
        "the token's {0} is not strict base64url: it has padding or foreign characters, or was cut off, so check what the caller sends"
    )]
    NotBase64Url(&'static str),
    /// The signature is longer than that of an RSA key of 8192 bits.
    #[error("the token's signature exceeds 1024 bytes, a fixed limit: check what the caller sends")]
    SignatureTooLong,
    /// The header is not a JSON object with unique members (RFC 7515 §4).
    #[error("the token's JOSE header {0}: check what the caller sends")]
    Header(JsonError),
    /// A registered member of the header has the wrong type.
    #[error("`{0}` in the token's JOSE header is not a string: check who issued the token")]
    HeaderMember(&'static str),
    /// `kid` is longer than [`Header::MAX_KID_BYTES`](crate::Header::MAX_KID_BYTES).
    #[error("`kid` in the token's header exceeds 256 bytes, a fixed limit: check the issuer")]
    KidTooLong,
    /// No `alg`.
    #[error("the token's JOSE header has no `alg`: check who issued the token")]
    AlgorithmMissing,
    /// `alg` is `none`, in any case.
    #[error("the token is not signed (`alg` is `none`): check who issued the token")]
    AlgorithmNone,
    /// `alg` is a registered algorithm, but not one of [`Algorithm`](crate::Algorithm).
    #[error("the token's algorithm {0} is unsupported: have the issuer use another, such as ES256")]
    AlgorithmUnsupported(&'static str),
    /// `alg` is not a registered algorithm.
    #[error("`alg` in the token's header is not a registered algorithm: check the token's issuer")]
    AlgorithmUnknown,
    /// `crit` is present. No extension is supported, and an empty or ill-typed list is an error (RFC 7515 §4.1.11).
    #[error("the token has critical extensions (`crit` in its header): the issuer must send none")]
    CriticalExtensions,
    /// `b64` is not `true`, which a JWT must not have (RFC 7797 §7).
    #[error("`b64` in the token's header is not `true`: have the issuer leave out `b64`")]
    UnencodedPayload,
}

portcullis_core::debug_as_report!(JwsError);
