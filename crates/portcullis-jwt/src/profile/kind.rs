//! The rule that tells machines from users.

use portcullis_core::PrincipalKind;

use super::Condition;
use crate::{claim_path::ClaimPath, claims::Claims};

/// Tells whether a token belongs to a machine or a user.
///
/// Each kind has alternatives, and an alternative holds when all of its conditions hold. A token that matches both
/// kinds or neither is of unknown kind, and a route that requires a machine rejects it (RFC 9700 §4.15).
#[derive(Clone, Debug, Default)]
pub struct KindRule {
    pub(super) machine: Vec<Vec<Condition>>,
    pub(super) user: Vec<Vec<Condition>>,
}

impl KindRule {
    /// The rule by which every token is of unknown kind.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an alternative: the token of a machine meets all of these conditions.
    #[must_use]
    pub fn machine_if(mut self, all: impl IntoIterator<Item = Condition>) -> Self {
        self.machine.push(all.into_iter().collect());
        self
    }

    /// Adds an alternative: the token of a user meets all of these conditions.
    #[must_use]
    pub fn user_if(mut self, all: impl IntoIterator<Item = Condition>) -> Self {
        self.user.push(all.into_iter().collect());
        self
    }

    /// The claims that the rule reads.
    pub(super) fn paths(&self) -> impl Iterator<Item = &ClaimPath> {
        let alternatives = self.machine.iter().chain(&self.user);
        alternatives.flatten().flat_map(Condition::paths)
    }

    /// Whether an alternative has no condition, and so never holds.
    pub(super) fn has_empty_alternative(&self) -> bool {
        self.machine.iter().chain(&self.user).any(Vec::is_empty)
    }

    pub(super) fn kind(&self, claims: &Claims<'_>, client_id: Option<&str>) -> PrincipalKind {
        let holds = |all: &Vec<Condition>| {
            !all.is_empty() && all.iter().all(|it| it.holds(claims, client_id))
        };
        match (self.machine.iter().any(holds), self.user.iter().any(holds)) {
            (true, false) => PrincipalKind::Machine,
            (false, true) => PrincipalKind::User,
            _ => PrincipalKind::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(json: &str) -> Claims<'_> {
        Claims::parse(json.as_bytes()).expect("parses")
    }

    #[test]
    fn o1_contradictory_or_missing_marks_are_of_unknown_kind() {
        let rule = KindRule::new()
            .machine_if([Condition::equals("gty", "m2m")])
            .user_if([Condition::present("uid")]);
        let kind = |json| rule.kind(&claims(json), None);
        assert_eq!(kind(r#"{"gty":"m2m"}"#), PrincipalKind::Machine);
        assert_eq!(kind(r#"{"uid":"u"}"#), PrincipalKind::User);
        assert_eq!(kind(r#"{"gty":"m2m","uid":null}"#), PrincipalKind::Unknown);
        assert_eq!(kind("{}"), PrincipalKind::Unknown);
        assert_eq!(
            KindRule::new().machine_if([]).kind(&claims("{}"), None),
            PrincipalKind::Unknown
        );
    }
}
