//! What an author of a scheme needs: [`Scheme`] and the types in its methods.

mod authorization;
mod head;

use std::{fmt, pin::Pin, sync::Arc};

use http::{HeaderName, header::AUTHORIZATION};

use crate::principal::Principal;
pub use crate::{challenge::Challenge, failure::Failure, principal::PrincipalParts};
pub use authorization::{authorization_credentials, check_token68};
pub use head::Head;

/// A way to authenticate, such as API keys or JWT bearer tokens.
///
/// The layer calls [`detect`](Self::detect) of every scheme to see which credential was sent. If it is exactly one, the
/// layer calls [`authenticate`](Self::authenticate) of its scheme.
///
/// ```
/// use std::sync::Arc;
/// use portcullis_core::{AuthenticateLayer, ConfigError, PrincipalKind, scheme::*};
///
/// /// Accepts any caller that says the magic word. Do not do this.
/// struct MagicWord(Arc<Challenge>);
///
/// impl Scheme for MagicWord {
///     fn source(&self) -> CredentialSource {
///         CredentialSource::Authorization("Magic")
///     }
///     fn detect<'h>(&self, head: &Head<'h>) -> Result<Option<&'h [u8]>, Failure> {
///         authorization_credentials(head.headers, "Magic")
///     }
///     fn authenticate(&self, _: &Head<'_>, credential: &[u8]) -> Outcome {
///         Outcome::Done(match credential {
///             b"please" => Ok(PrincipalParts::new(self.0.clone(), "magic", PrincipalKind::Unknown).into()),
///             _ => Err(Failure::invalid("that is not the magic word")),
///         })
///     }
///     fn challenge(&self) -> &Arc<Challenge> {
///         &self.0
///     }
/// }
///
/// let layer = AuthenticateLayer::new(MagicWord(Arc::new(Challenge::new("Magic", "orders")?)));
/// # Ok::<_, ConfigError>(())
/// ```
pub trait Scheme: Send + Sync + 'static {
    /// Which part of a request the scheme reads. Two schemes of one layer must not read the same part. The layer strips
    /// it before it passes the request on.
    fn source(&self) -> CredentialSource;

    /// Finds the scheme's credential in the request and does not verify it, so no IO or cryptography is needed. Returns
    /// `None` without a credential. A credential that is not in the head, such as a client certificate, is an empty slice.
    ///
    /// # Errors
    ///
    /// [`Failure::malformed`] for a header that cannot hold a credential, and for a credential that was sent twice.
    fn detect<'h>(&self, head: &Head<'h>) -> Result<Option<&'h [u8]>, Failure>;

    /// Verifies the credential that [`detect`](Self::detect) found.
    fn authenticate(&self, head: &Head<'_>, credential: &[u8]) -> Outcome;

    /// The challenge that asks for this scheme's credential.
    fn challenge(&self) -> &Arc<Challenge>;

    /// What `text` is, such as "an API key", if it has the form of this scheme's credential. A caller that sent one in
    /// the wrong place is told where it belongs. Default: `None`.
    fn recognise(&self, text: &[u8]) -> Option<&'static str> {
        let _ = text;
        None
    }
}

/// Which part of a request a scheme reads.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialSource {
    /// `Authorization`, under this authentication scheme (RFC 9110 §11.1).
    Authorization(&'static str),
    /// A header that only this scheme reads.
    Header(HeaderName),
    /// The connection, such as a client certificate. It identifies the caller only if no header credential was sent,
    /// and never replaces a bad one.
    Connection,
}

impl CredentialSource {
    pub(crate) fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::Authorization(_) => Some(&AUTHORIZATION),
            Self::Header(name) => Some(name),
            Self::Connection => None,
        }
    }

    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Authorization(one), Self::Authorization(other)) => {
                one.eq_ignore_ascii_case(other)
            }
            _ => self.header() == other.header(),
        }
    }
}

/// A scheme's verdict.
#[must_use]
pub enum Outcome {
    /// Decided at once.
    Done(Result<Principal, Failure>),
    /// The verdict waits for IO. Only this case needs a boxed future.
    Pending(PendingOutcome),
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(result) => f.debug_tuple("Done").field(result).finish(),
            Self::Pending(_) => f.write_str("Pending"),
        }
    }
}

/// A verdict that waits for IO. It may be dropped at any time, when the caller disconnects.
pub type PendingOutcome = Pin<Box<dyn Future<Output = Result<Principal, Failure>> + Send>>;
