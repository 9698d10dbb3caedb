//! Accepted deviations from the standards.

/// A deviation of a key set from the standards that leaves no doubt about the key, and is accepted.
///
/// A key set comes from a trusted issuer over an authenticated connection. Tokens, which anyone may send, are read
/// strictly.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Deviation {
    /// The document begins with a byte order mark (RFC 8259 §8.1).
    #[error("the key set begins with a byte order mark")]
    ByteOrderMark,
    /// The number in this member has padding, or is in the standard alphabet of Base64 (RFC 7518 §2).
    #[error("`{0}` is padded or in the standard Base64 alphabet, not base64url")]
    Base64(&'static str),
    /// The coordinate in this member has additional leading zero bytes, or lacks its leading zero byte (RFC 7518
    /// §6.2.1.2).
    #[error("`{0}` is longer or shorter than a coordinate of the curve")]
    CoordinateLength(&'static str),
    /// This member is `null`. It counts as absent.
    #[error("`{0}` is null")]
    Null(&'static str),
    /// `key_ops` is empty. It counts as absent (RFC 7517 §4.3).
    #[error("`key_ops` is empty")]
    EmptyKeyOps,
}

portcullis_core::debug_as_report!(Deviation);
