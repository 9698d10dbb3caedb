//! Schemes that a test holds in its hand.

use std::sync::Arc;

use portcullis_core::{
    Challenge, CredentialSource, Failure, Head, Outcome, PendingOutcome, Presence, Principal,
    PrincipalKind, Scheme, ScopeSet, authorization_credentials,
};
use tokio::sync::{mpsc, oneshot};

use super::credentials::{API_KEY, READ};

/// Knows `reader` and `stranger` by heart.
pub(super) struct Known {
    challenge: Arc<Challenge>,
    source: CredentialSource,
    name: &'static str,
}

impl Known {
    pub(super) fn tokens() -> Self {
        Self {
            challenge: Arc::new(Challenge::new("Bearer", "orders").expect("a realm")),
            source: CredentialSource::Authorization("Bearer"),
            name: "jwt",
        }
    }

    pub(super) fn keys() -> Self {
        Self {
            challenge: Arc::new(Challenge::new("ApiKey", "orders").expect("a realm")),
            source: CredentialSource::Header(API_KEY),
            name: "api-key",
        }
    }

    fn credential<'h>(&self, head: &Head<'h>) -> Result<Option<&'h str>, Failure> {
        if let CredentialSource::Authorization(scheme) = &self.source {
            return authorization_credentials(head.headers(), scheme);
        }
        let mut sent = head.headers().get_all(API_KEY).iter();
        match (sent.next(), sent.next()) {
            (None, _) => Ok(None),
            (Some(key), None) if !key.is_empty() => key
                .to_str()
                .map(Some)
                .map_err(|_| Failure::malformed("no key")),
            _ => Err(Failure::malformed("no key, or two")),
        }
    }
}

impl Scheme for Known {
    fn source(&self) -> CredentialSource {
        self.source.clone()
    }

    fn detect(&self, head: &Head<'_>) -> Presence {
        self.credential(head).into()
    }

    fn authenticate(&self, head: &Head<'_>) -> Outcome {
        let scopes = match self.credential(head) {
            Ok(Some("reader")) => ScopeSet::from_iter([READ]),
            Ok(Some("stranger")) => ScopeSet::default(),
            _ => return Outcome::Done(Err(Failure::invalid("not known here"))),
        };
        let principal =
            Principal::builder(self.challenge.clone(), self.name, PrincipalKind::Machine);
        Outcome::Done(Ok(principal.scopes(scopes).build()))
    }

    fn challenge(&self) -> &Arc<Challenge> {
        &self.challenge
    }
}

/// A scheme that has every caller wait until the test lets it pass, as a store or an issuer on a slow network would.
pub(super) struct Turnstile {
    challenge: Arc<Challenge>,
    arrivals: mpsc::UnboundedSender<Visitor>,
}

/// The test's side of a [`Turnstile`]: who has arrived.
pub(super) type Arrivals = mpsc::UnboundedReceiver<Visitor>;

/// A caller who waits at the turnstile.
pub(super) struct Visitor {
    pass: oneshot::Sender<()>,
    left: oneshot::Receiver<()>,
}

impl Visitor {
    pub(super) fn admit(self) {
        self.pass.send(()).expect("the visitor still waits");
    }

    /// Waits until the caller's future is gone without having been let pass.
    pub(super) async fn left(self) {
        let Self { pass: _pass, left } = self;
        left.await.expect_err("nothing is ever sent");
    }
}

impl Turnstile {
    /// What a caller sends to wait at the turnstile.
    pub(super) const TICKET: &str = "Turnstile ticket";

    pub(super) fn new() -> (Self, Arrivals) {
        let (arrivals, visitors) = mpsc::unbounded_channel();
        let challenge = Arc::new(Challenge::new("Turnstile", "orders").expect("a realm"));
        let turnstile = Self {
            challenge,
            arrivals,
        };
        (turnstile, visitors)
    }
}

impl Scheme for Turnstile {
    fn source(&self) -> CredentialSource {
        CredentialSource::Authorization("Turnstile")
    }

    fn detect(&self, head: &Head<'_>) -> Presence {
        authorization_credentials(head.headers(), "Turnstile").into()
    }

    fn authenticate(&self, _: &Head<'_>) -> Outcome {
        let (pass, passed) = oneshot::channel();
        let (presence, left) = oneshot::channel();
        let arrived = self.arrivals.send(Visitor { pass, left });
        arrived.expect("the test still watches");
        let principal = Principal::builder(
            self.challenge.clone(),
            "turnstile",
            PrincipalKind::Machine,
        )
        .scopes(ScopeSet::from_iter([READ]))
        .build();
        let pending: PendingOutcome = Box::pin(async {
            let _presence: oneshot::Sender<()> = presence;
            passed.await.expect("the test lets its visitors pass");
            Ok(principal)
        });
        Outcome::Pending(pending)
    }

    fn challenge(&self) -> &Arc<Challenge> {
        &self.challenge
    }
}
