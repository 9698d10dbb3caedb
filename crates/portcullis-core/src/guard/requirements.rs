//! What a known caller can be held to.

use crate::{Failure, FailureKind, Principal, PrincipalKind, Refusal, ScopePolicy};

impl Principal {
    /// Holds the caller to a policy.
    ///
    /// # Errors
    ///
    /// 403 `insufficient_scope`, naming what to ask for.
    pub fn require_scopes(&self, policy: &ScopePolicy) -> Result<(), Refusal> {
        if policy.is_satisfied_by(self.scopes()) {
            Ok(())
        } else {
            Err(self.lacks(policy))
        }
    }

    /// The refusal for want of scope.
    #[must_use]
    pub fn lacks(&self, policy: &ScopePolicy) -> Refusal {
        let external = format!("insufficient scope: {} required", policy.challenge_scope());
        let failure = Failure::new(FailureKind::InsufficientScope, external);
        Refusal::forbidden(failure, self, Some(policy))
    }

    /// Holds the caller to being a machine (RFC 9700 §4.15).
    ///
    /// # Errors
    ///
    /// 403 when it is a user, or not known to be a machine.
    pub fn require_machine(&self) -> Result<(), Refusal> {
        if self.kind() == PrincipalKind::Machine {
            Ok(())
        } else {
            Err(self.refuse(FailureKind::NotAMachine, "only a machine may call this"))
        }
    }

    pub(crate) fn refuse(&self, kind: FailureKind, external: &'static str) -> Refusal {
        Refusal::forbidden(Failure::new(kind, external), self, None)
    }
}
