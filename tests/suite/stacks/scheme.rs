//! Schemes that a test holds in its hand.

use std::sync::Arc;

use portcullis_core::{
    Challenge, CredentialSource, Failure, Head, Outcome, Presence, Principal, PrincipalKind,
    Scheme, ScopeSet, authorization_credentials,
};

use super::{
    credentials::{API_KEY, READ},
    gate::{Arrivals, Gate},
};

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

/// A scheme that has every caller wait at a gate, as a store or an issuer on a slow network would.
pub(super) struct Turnstile {
    challenge: Arc<Challenge>,
    gate: Gate,
}

impl Turnstile {
    /// What a caller sends to come to the gate.
    pub(super) const TICKET: &str = "Turnstile ticket";

    pub(super) fn new() -> (Self, Arrivals) {
        let (gate, arrivals) = Gate::new();
        let challenge = Arc::new(Challenge::new("Turnstile", "orders").expect("a realm"));
        (Self { challenge, gate }, arrivals)
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
        let passed = self.gate.pass();
        let principal =
            Principal::builder(self.challenge.clone(), "turnstile", PrincipalKind::Machine)
                .scopes(ScopeSet::from_iter([READ]))
                .build();
        Outcome::Pending(Box::pin(async {
            passed.await;
            Ok(principal)
        }))
    }

    fn challenge(&self) -> &Arc<Challenge> {
        &self.challenge
    }
}
