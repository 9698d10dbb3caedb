//! What is wrong with a key and accepted all the same, as it leaves no doubt which key is meant.

/// How a key set deviates from the standards in a way that is accepted.
///
/// A key set comes from an issuer that is trusted, over a connection that is authenticated. Tokens, which anyone may
/// send, are read strictly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Deviation {
    /// The document begins with a byte order mark (RFC 8259 §8.1).
    #[error("the key set begins with a byte order mark")]
    ByteOrderMark,
    /// A number has padding, or is in the standard alphabet of Base64 (RFC 7518 §2).
    #[error("`{name}` is padded or in the standard Base64 alphabet, not base64url")]
    Base64 {
        /// The member.
        name: &'static str,
    },
    /// A coordinate has zeros in front, or lacks the zero byte that it begins with (RFC 7518 §6.2.1.2).
    #[error("`{name}` is longer or shorter than a coordinate of the curve")]
    CoordinateLength {
        /// The member.
        name: &'static str,
    },
    /// A member is `null`. It is taken as absent.
    #[error("`{name}` is null")]
    Null {
        /// The member.
        name: &'static str,
    },
    /// `key_ops` is empty. It is taken as absent (RFC 7517 §4.3).
    #[error("`key_ops` is empty")]
    EmptyKeyOps,
}

/// The deviations of one key.
#[derive(Debug, Default)]
pub(crate) struct Tolerated(pub(crate) Vec<Deviation>);

impl Tolerated {
    pub(super) fn add(&mut self, deviation: Deviation) {
        if !self.0.contains(&deviation) {
            self.0.push(deviation);
        }
    }
}
