//! Several issuers behind one scheme, added and removed while requests flow.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::{ArcSwap, Guard};
use portcullis_core::ConfigError;
use portcullis_jose::{CompactJws, TokenLimits};

use crate::{JwtVerifier, VerifyError, claims::peek_issuer, verify_error::found_name};

/// The issuers that are trusted, each with its own keys and rules. Every clone is the same list.
///
/// A token is judged by the verifier of the issuer that it names, and by no other: a key of one issuer never verifies
/// a token of another (RFC 8725 §3.8). An empty list accepts nothing.
///
/// ```
/// use portcullis_core::ConfigError;
/// use portcullis_jwt::{Bearer, JwtVerifier, TrustedIssuers};
///
/// fn wire(internal: JwtVerifier, partner: JwtVerifier) -> Result<(), ConfigError> {
///     let trusted = TrustedIssuers::new([internal])?;
///     let bearer = Bearer::trusting(&trusted).build()?;
///     // … and later, while requests flow:
///     trusted.add(partner)?;
///     trusted.remove("https://partner.example.com");
///     # drop(bearer);
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct TrustedIssuers(Arc<Shared>);

#[derive(Default)]
struct Shared {
    trusted: ArcSwap<Trusted>,
    /// The list's epoch, beside it: all that a token needs which was verified before. It follows the list before
    /// whoever changed that is told so.
    epoch: AtomicU64,
}

#[derive(Clone, Default)]
struct Trusted {
    verifiers: HashMap<Arc<str>, Arc<JwtVerifier>>,
    /// Moves whenever an issuer is no longer trusted, or by other rules. One more issuer changes nothing for the
    /// tokens of those that were there.
    epoch: u64,
    /// The largest limits of all issuers: the issuer of a token is known only after parsing.
    limits: TokenLimits,
}

impl TrustedIssuers {
    /// The list of these issuers.
    ///
    /// # Errors
    ///
    /// If two of them are the same issuer.
    pub fn new(verifiers: impl IntoIterator<Item = JwtVerifier>) -> Result<Self, ConfigError> {
        let trusted = Self(Arc::default());
        for verifier in verifiers {
            trusted.add(verifier)?;
        }
        Ok(trusted)
    }

    /// Trusts one more issuer, from the next request on.
    ///
    /// # Errors
    ///
    /// If the issuer is trusted already; [`replace`](Self::replace) changes its rules.
    pub fn add(&self, verifier: JwtVerifier) -> Result<(), ConfigError> {
        let verifier = Arc::new(verifier);
        let mut is_known = false;
        self.0.trusted.rcu(|trusted| {
            is_known = trusted.verifiers.contains_key(verifier.issuer());
            if is_known {
                trusted.clone()
            } else {
                Arc::new(trusted.with(&verifier, trusted.epoch))
            }
        });
        if is_known {
            let problem = format!(
                "{:?} is trusted already: use `replace` to change its rules",
                verifier.issuer()
            );
            return Err(ConfigError::new("issuer", problem));
        }
        Ok(())
    }

    /// Trusts an issuer by these rules, from the next request on, whether or not it was trusted before.
    pub fn replace(&self, verifier: JwtVerifier) {
        let verifier = Arc::new(verifier);
        let before = self
            .0
            .trusted
            .rcu(|trusted| trusted.with(&verifier, trusted.epoch + 1));
        self.0.advance_to(before.epoch + 1);
    }

    /// Stops trusting an issuer, from the next request on; `false` if it was not trusted.
    pub fn remove(&self, issuer: &str) -> bool {
        let before = self.0.trusted.rcu(|trusted| {
            let mut trusted = Trusted::clone(trusted);
            let was_trusted = trusted.verifiers.remove(issuer).is_some();
            trusted.epoch += u64::from(was_trusted);
            trusted.limits = most_generous(&trusted.verifiers);
            trusted
        });
        let was_trusted = before.verifiers.contains_key(issuer);
        self.0.advance_to(before.epoch + u64::from(was_trusted));
        was_trusted
    }

    /// The issuers that are trusted now, in no particular order.
    #[must_use]
    pub fn issuers(&self) -> Vec<Arc<str>> {
        self.0.trusted.load().verifiers.keys().cloned().collect()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot(self.0.trusted.load())
    }

    /// What was concluded under another epoch no longer holds.
    pub(crate) fn epoch(&self) -> u64 {
        self.0.epoch.load(Ordering::Acquire)
    }
}

impl Shared {
    /// Changes that overtake each other leave the later epoch.
    fn advance_to(&self, epoch: u64) {
        self.epoch.fetch_max(epoch, Ordering::AcqRel);
    }
}

impl Trusted {
    fn with(&self, verifier: &Arc<JwtVerifier>, epoch: u64) -> Self {
        let mut verifiers = self.verifiers.clone();
        verifiers.insert(verifier.issuer().into(), verifier.clone());
        Self {
            limits: most_generous(&verifiers),
            verifiers,
            epoch,
        }
    }
}

fn most_generous(verifiers: &HashMap<Arc<str>, Arc<JwtVerifier>>) -> TokenLimits {
    let limits = verifiers.values().map(|verifier| *verifier.limits());
    limits.reduce(TokenLimits::max).unwrap_or_default()
}

/// The list as it was when a request came in.
pub(crate) struct Snapshot(Guard<Arc<Trusted>>);

impl Snapshot {
    pub(crate) fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// What a token must keep to, whosever it is.
    pub(crate) fn limits(&self) -> &TokenLimits {
        &self.0.limits
    }

    /// The verifier of the issuer that the token names, which it has yet to prove, and the decoded payload.
    pub(crate) fn choose(
        &self,
        jws: &CompactJws<'_>,
    ) -> Result<(&JwtVerifier, Vec<u8>), VerifyError> {
        let payload = jws.payload()?;
        let issuer = peek_issuer(&payload);
        match issuer
            .as_deref()
            .and_then(|issuer| self.0.verifiers.get(issuer))
        {
            Some(verifier) => {
                verifier.limits().check(jws)?;
                Ok((verifier, payload))
            }
            None => Err(VerifyError::UnknownIssuer {
                found: found_name(issuer.as_deref()),
            }),
        }
    }
}

impl fmt::Debug for TrustedIssuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.0.trusted.load().verifiers.keys())
            .finish()
    }
}
