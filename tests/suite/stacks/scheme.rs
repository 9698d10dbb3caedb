//! A scheme whose callers wait until the test admits them.

use std::sync::Arc;

use portcullis_core::{
    PrincipalKind, ScopeSet,
    scheme::{
        Challenge, CredentialSource, Failure, Head, Outcome, PrincipalParts, Scheme,
        authorization_credentials,
    },
};

use super::{
    credentials::READ,
    gate::{Arrivals, Gate},
};

/// Makes every caller wait at a gate, like a store or an issuer on a slow network.
pub(super) struct GatedScheme {
    challenge: Arc<Challenge>,
    gate: Gate,
}

impl GatedScheme {
    /// The credential with which a caller reaches the gate.
    pub(super) const CREDENTIAL: &str = "Gated credential";

    pub(super) fn new() -> (Self, Arrivals) {
        let (gate, arrivals) = Gate::new();
        let challenge = Arc::new(Challenge::new("Gated", "orders").expect("a realm"));
        (Self { challenge, gate }, arrivals)
    }
}

impl Scheme for GatedScheme {
    fn source(&self) -> CredentialSource {
        CredentialSource::Authorization("Gated")
    }

    fn detect<'h>(&self, head: &Head<'h>) -> Result<Option<&'h [u8]>, Failure> {
        authorization_credentials(head.headers, "Gated")
    }

    fn authenticate(&self, _: &Head<'_>, _: &[u8]) -> Outcome {
        let passed = self.gate.pass();
        let mut principal =
            PrincipalParts::new(self.challenge.clone(), "gated", PrincipalKind::Machine);
        principal.scopes = ScopeSet::from_iter([READ]);
        Outcome::Pending(Box::pin(async {
            passed.await;
            Ok(principal.into())
        }))
    }

    fn challenge(&self) -> &Arc<Challenge> {
        &self.challenge
    }
}
