//! Several issuers behind one scheme, which can be added and removed at run time.

use std::{collections::HashMap, fmt, sync::Arc};

use arc_swap::{ArcSwap, Guard};
use portcullis_core::ConfigError;
use portcullis_jose::{CompactJws, TokenLimits};

use crate::{JwtVerifier, VerifyError, claims::find_issuer};

/// The trusted issuers, each with its own keys and rules. Clones share the list.
///
/// Only the verifier of the issuer that a token names decides about it: a key of one issuer never verifies
/// a token of another (RFC 8725 §3.8). An empty list accepts no token.
///
/// ```
/// # use portcullis_core::ConfigError;
/// # use portcullis_jwt::{Bearer, JwtVerifier, TrustedIssuers};
/// # fn f(internal: JwtVerifier, partner: JwtVerifier) -> Result<(), ConfigError> {
/// let trusted = TrustedIssuers::new([internal])?;
/// let bearer = Bearer::trusting(&trusted).build()?;
/// // … and later, while the service runs:
/// trusted.add(partner)?;
/// trusted.remove("https://partner.example.com");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TrustedIssuers(Arc<ArcSwap<Trusted>>);

#[derive(Clone, Default)]
pub(crate) struct Trusted {
    verifiers: HashMap<Arc<str>, Arc<JwtVerifier>>,
    /// Increases with each [`remove`](TrustedIssuers::remove) and [`replace`](TrustedIssuers::replace). A cached token that was
    /// verified under another epoch is outdated.
    pub(crate) epoch: u64,
    /// The largest limits of all issuers, since parsing comes before the issuer is known.
    pub(crate) limits: TokenLimits,
}

impl TrustedIssuers {
    /// Creates a list of these issuers.
    ///
    /// # Errors
    ///
    /// If two verifiers are for the same issuer.
    pub fn new(verifiers: impl IntoIterator<Item = JwtVerifier>) -> Result<Self, ConfigError> {
        let trusted = Self(Arc::default());
        for verifier in verifiers {
            trusted.insert(verifier, "is given twice: give each issuer one verifier")?;
        }
        Ok(trusted)
    }

    /// Adds an issuer, from the next request on.
    ///
    /// # Errors
    ///
    /// If the issuer is already trusted; [`replace`](Self::replace) changes its rules.
    pub fn add(&self, verifier: JwtVerifier) -> Result<(), ConfigError> {
        self.insert(
            verifier,
            "is already trusted: use `TrustedIssuers::replace` to change its rules",
        )
    }

    fn insert(&self, verifier: JwtVerifier, problem_if_trusted: &str) -> Result<(), ConfigError> {
        let (issuer, verifier) = (verifier.keys.issuer().clone(), Arc::new(verifier));
        let is_new = self.update(|trusted| {
            let is_new = !trusted.verifiers.contains_key(&issuer);
            if is_new {
                trusted.verifiers.insert(issuer.clone(), verifier.clone());
            }
            is_new
        });
        if !is_new {
            let problem = format!("{issuer:?} {problem_if_trusted}");
            return Err(ConfigError::new("issuer", problem));
        }
        Ok(())
    }

    /// Adds an issuer or replaces its rules, from the next request on.
    pub fn replace(&self, verifier: JwtVerifier) {
        let (issuer, verifier) = (verifier.keys.issuer().clone(), Arc::new(verifier));
        self.update(|trusted| {
            trusted.epoch += 1;
            trusted.verifiers.insert(issuer.clone(), verifier.clone());
            true
        });
    }

    /// Removes an issuer, from the next request on. Returns whether it was trusted.
    pub fn remove(&self, issuer: &str) -> bool {
        self.update(|trusted| {
            let was_trusted = trusted.verifiers.remove(issuer).is_some();
            trusted.epoch += u64::from(was_trusted);
            was_trusted
        })
    }

    /// Publishes a changed copy of the list. Returns what `change` returned for it.
    fn update(&self, change: impl Fn(&mut Trusted) -> bool) -> bool {
        let mut result = false;
        self.0.rcu(|trusted| {
            let mut trusted = Trusted::clone(trusted);
            result = change(&mut trusted);
            let limits = trusted.verifiers.values().map(|verifier| verifier.limits);
            trusted.limits = limits.reduce(TokenLimits::max).unwrap_or_default();
            trusted
        });
        result
    }

    /// The issuers that are trusted at the moment, in no particular order.
    #[must_use]
    pub fn issuers(&self) -> Vec<Arc<str>> {
        self.0.load().verifiers.keys().cloned().collect()
    }

    pub(crate) fn snapshot(&self) -> Guard<Arc<Trusted>> {
        self.0.load()
    }
}

impl Trusted {
    /// Chooses a verifier by the `iss` of the token, which is not verified yet. Also returns the decoded payload.
    pub(crate) fn choose(
        &self,
        jws: &CompactJws<'_>,
    ) -> Result<(&JwtVerifier, Vec<u8>), VerifyError> {
        let payload = jws.payload()?;
        let verifier = find_issuer(&payload, |issuer| self.verifiers.get(issuer))?;
        verifier.limits.check(jws)?;
        Ok((verifier, payload))
    }
}

impl fmt::Debug for TrustedIssuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.issuers()).finish()
    }
}
