//! A scheme that the test holds in its hand.

use std::sync::Arc;

use portcullis_core::{
    Principal, PrincipalKind, ScopeSet,
    scheme::{
        Challenge, CredentialSource, Head, Outcome, Presence, Scheme, authorization_credentials,
    },
};

use super::{
    credentials::READ,
    gate::{Arrivals, Gate},
};

/// Has every caller wait at a gate, as a store or an issuer on a slow network would.
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

    fn detect<'h>(&self, head: &Head<'h>) -> Presence<'h> {
        authorization_credentials(head.headers(), "Turnstile").into()
    }

    fn authenticate(&self, _: &Head<'_>, _: &[u8]) -> Outcome {
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
