//! An access token that was obtained.

use std::{fmt, sync::Arc};

use http::HeaderValue;
use portcullis_core::{ScopeSet, UnixTime};
use zeroize::Zeroizing;

/// An access token (RFC 6749 §1.4), and what the server said about it. Clones are cheap; `Debug` does not show it.
#[derive(Clone)]
pub struct AccessToken(Arc<Inner>);

struct Inner {
    text: Zeroizing<String>,
    header: HeaderValue,
    expires_at: UnixTime,
    scopes: ScopeSet,
}

impl AccessToken {
    /// `text` must be what a header can hold.
    pub(crate) fn bearer(
        text: Zeroizing<String>,
        expires_at: UnixTime,
        scopes: ScopeSet,
    ) -> Option<Self> {
        let mut header = HeaderValue::try_from(format!("Bearer {}", *text)).ok()?;
        header.set_sensitive(true);
        Some(Self(Arc::new(Inner {
            text,
            header,
            expires_at,
            scopes,
        })))
    }

    /// The value of an `Authorization` header (RFC 6750 §2.1), marked as sensitive: `Debug` hides it, and HPACK does not
    /// index it.
    #[must_use]
    pub fn header_value(&self) -> &HeaderValue {
        &self.0.header
    }

    /// The token. Whoever calls this takes on the duty not to log, echo or keep it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0.text
    }

    /// When it expires, by our clock, counted from before it was asked for.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.0.expires_at
    }

    /// What it grants: what the server said, or what was asked for where it said nothing (RFC 6749 §5.1).
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.0.scopes
    }

    /// Whether both are the same one.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("expires_at", &self.0.expires_at)
            .field("scopes", &self.0.scopes)
            .finish_non_exhaustive()
    }
}
