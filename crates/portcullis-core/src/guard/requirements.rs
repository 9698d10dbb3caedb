//! What a route can require of an authenticated caller.

use crate::{
    failure::{Failure, FailureKind},
    policy::ScopePolicy,
    principal::{Principal, PrincipalKind},
    refusal::Refusal,
    scope_requirement::ScopeRequirement,
};

impl Principal {
    /// Requires the scopes of a policy.
    ///
    /// # Errors
    ///
    /// 403 `insufficient_scope`, with the scopes to request.
    pub fn require_scopes(&self, policy: &ScopePolicy) -> Result<(), Refusal> {
        if policy.is_satisfied_by(self.scopes()) {
            Ok(())
        } else {
            Err(self.insufficient_scope(policy))
        }
    }

    /// Requires the scopes of a type. Allocates only for a refusal.
    ///
    /// # Errors
    ///
    /// As [`require_scopes`](Self::require_scopes).
    pub fn require<R: ScopeRequirement>(&self) -> Result<(), Refusal> {
        if R::is_satisfied_by(self.scopes()) {
            Ok(())
        } else {
            Err(self.insufficient_scope(&R::policy()))
        }
    }

    fn insufficient_scope(&self, policy: &ScopePolicy) -> Refusal {
        let external = format!("insufficient scope: {} required", policy.challenge_scope());
        let failure = Failure::new(FailureKind::InsufficientScope, external);
        Refusal::of_caller(failure, self, Some(policy))
    }

    /// Requires the caller to be a machine (RFC 9700 §4.15).
    ///
    /// # Errors
    ///
    /// 403 if it is a user, or not known to be a machine.
    pub fn require_machine(&self) -> Result<(), Refusal> {
        if self.kind() == PrincipalKind::Machine {
            Ok(())
        } else {
            let failure = Failure::new(FailureKind::NotAMachine, "only a machine may call this");
            Err(Refusal::of_caller(failure, self, None))
        }
    }
}
