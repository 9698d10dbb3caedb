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
    #[error("the token is not a JWT of three parts: it may be truncated or opaque; see its issuer")]
    WrongNumberOfParts,
    /// A JWE: five parts (RFC 7516 §3.1), or `enc` in the header.
    #[error("the token is encrypted: have the issuer only sign the tokens for this service")]
    Encrypted,
    /// The JSON serialization (RFC 7515 §7.2).
    #[error("the token uses the JSON serialization, not the compact one: check the caller")]
    JsonSerialisation,
    /// A token within a token (`cty` is `JWT`, RFC 7519 §5.2).
    #[error("the token contains another token (`cty` is `JWT`): have the issuer only sign it")]
    Nested,
    /// A part has padding, foreign characters or stray bits, so it is not strict base64url (RFC 7515 §2).
    #[error(
        "the token's {0} is not strict base64url: it has padding or foreign characters, or was cut off, so check what the caller sends"
    )]
    NotBase64Url(&'static str),
    /// The signature is longer than that of an RSA key of 8192 bits.
    #[error("the token's signature is longer than 1024 bytes: check what the caller sends")]
    SignatureTooLong,
    /// The header is not a JSON object with unique members (RFC 7515 §4).
    #[error("the token's JOSE header {0}: check what the caller sends")]
    Header(JsonError),
    /// A registered member of the header has the wrong type.
    #[error("`{0}` in the token's JOSE header is not a string: check who issued the token")]
    HeaderMember(&'static str),
    /// `kid` is longer than [`Header::MAX_KID_BYTES`](crate::Header::MAX_KID_BYTES).
    #[error("`kid` in the token's JOSE header is longer than 256 bytes: check its issuer")]
    KidTooLong,
    /// No `alg`.
    #[error("the token's JOSE header has no `alg`: check who issued the token")]
    AlgorithmMissing,
    /// `alg` is `none`, in any case.
    #[error("the token is not signed (`alg` is `none`): check who issued the token")]
    AlgorithmNone,
    /// `alg` is a registered algorithm, but not one of [`Algorithm`](crate::Algorithm).
    #[error("the token's algorithm {0} is not supported: sign with another, such as ES256")]
    AlgorithmUnsupported(&'static str),
    /// `alg` is not a registered algorithm.
    #[error("`alg` in the token's JOSE header is not a registered algorithm: check its issuer")]
    AlgorithmUnknown,
    /// `crit` is present. No extension is supported, and an empty or ill-typed list is an error (RFC 7515 §4.1.11).
    #[error("the JOSE header has critical extensions (`crit`): the issuer must not send any")]
    CriticalExtensions,
    /// `b64` is not `true`, which a JWT must not have (RFC 7797 §7).
    #[error("the payload is not base64url (`b64` in the JOSE header): the issuer must encode it")]
    UnencodedPayload,
}

portcullis_core::debug_as_report!(JwsError);
