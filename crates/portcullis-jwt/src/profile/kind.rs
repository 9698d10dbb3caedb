//! Telling machines from users by what a token says.

use std::{borrow::Cow, fmt};

use portcullis_core::PrincipalKind;

use crate::{
    claim_path::ClaimPath,
    claims::{Claim, Claims},
};

/// Tells whether a token stands for a machine or a user.
///
/// Each kind has alternatives, and an alternative holds when all of its conditions do. What points both ways or
/// neither way is unknown, and a route that asks for a machine refuses it (RFC 9700 §4.15).
#[derive(Clone, Debug, Default)]
pub struct KindRule {
    machine: Vec<Vec<Condition>>,
    user: Vec<Vec<Condition>>,
}

impl KindRule {
    /// The rule under which every token is of unknown kind.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an alternative: a machine's token meets all of these conditions.
    #[must_use]
    pub fn machine_if(mut self, all: impl IntoIterator<Item = Condition>) -> Self {
        self.machine.push(all.into_iter().collect());
        self
    }

    /// Adds an alternative: a user's token meets all of these conditions.
    #[must_use]
    pub fn user_if(mut self, all: impl IntoIterator<Item = Condition>) -> Self {
        self.user.push(all.into_iter().collect());
        self
    }

    /// The claims that the rule looks at.
    pub(super) fn paths(&self) -> impl Iterator<Item = &ClaimPath> {
        let alternatives = self.machine.iter().chain(&self.user);
        alternatives.flatten().flat_map(Condition::paths)
    }

    /// Whether an alternative has no condition, and so never holds.
    pub(super) fn has_empty_alternative(&self) -> bool {
        self.machine.iter().chain(&self.user).any(Vec::is_empty)
    }

    pub(crate) fn of(&self, claims: &Claims<'_>, client_id: Option<&str>) -> PrincipalKind {
        let any_holds = |alternatives: &[Vec<Condition>]| {
            let mut alternatives = alternatives.iter().filter(|all| !all.is_empty());
            alternatives.any(|all| {
                all.iter()
                    .all(|condition| condition.holds(claims, client_id))
            })
        };
        match (any_holds(&self.machine), any_holds(&self.user)) {
            (true, false) => PrincipalKind::Machine,
            (false, true) => PrincipalKind::User,
            _ => PrincipalKind::Unknown,
        }
    }
}

/// A statement about a token's claims.
#[derive(Clone, PartialEq, Eq)]
pub struct Condition(Statement);

#[derive(Clone, PartialEq, Eq)]
enum Statement {
    Present(ClaimPath),
    Absent(ClaimPath),
    Equals(ClaimPath, Cow<'static, str>),
    AbsentOrEquals(ClaimPath, Cow<'static, str>),
    StartsWith(ClaimPath, Cow<'static, str>),
    Contains(ClaimPath, Cow<'static, str>),
    SameAs(ClaimPath, ClaimPath),
    IsClient {
        claim: ClaimPath,
        prefix: Cow<'static, str>,
        suffix: Cow<'static, str>,
    },
    Not(Box<Statement>),
}

impl Condition {
    /// The claim is there, whatever its value.
    #[must_use]
    pub fn present(claim: impl Into<ClaimPath>) -> Self {
        Self(Statement::Present(claim.into()))
    }

    /// The claim is not there, not even as `null`.
    #[must_use]
    pub fn absent(claim: impl Into<ClaimPath>) -> Self {
        Self(Statement::Absent(claim.into()))
    }

    /// The claim is exactly this text.
    #[must_use]
    pub fn equals(claim: impl Into<ClaimPath>, text: impl Into<Cow<'static, str>>) -> Self {
        Self(Statement::Equals(claim.into(), text.into()))
    }

    /// The claim is not there, or is exactly this text.
    #[must_use]
    pub fn absent_or_equals(
        claim: impl Into<ClaimPath>,
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Statement::AbsentOrEquals(claim.into(), text.into()))
    }

    /// The claim is a text that begins so.
    #[must_use]
    pub fn starts_with(claim: impl Into<ClaimPath>, prefix: impl Into<Cow<'static, str>>) -> Self {
        Self(Statement::StartsWith(claim.into(), prefix.into()))
    }

    /// The claim is a text with this part in it.
    #[must_use]
    pub fn contains(claim: impl Into<ClaimPath>, part: impl Into<Cow<'static, str>>) -> Self {
        Self(Statement::Contains(claim.into(), part.into()))
    }

    /// Both claims are there and are the same text.
    #[must_use]
    pub fn same(claim: impl Into<ClaimPath>, other: impl Into<ClaimPath>) -> Self {
        Self(Statement::SameAs(claim.into(), other.into()))
    }

    /// The claim is the client's id, as the profile finds it.
    #[must_use]
    pub fn is_client(claim: impl Into<ClaimPath>) -> Self {
        Self::is_client_between("", claim, "")
    }

    /// The claim is the client's id between a prefix and a suffix, of which one is not empty.
    ///
    /// The client's id may be lowered in it, as some issuers lower the names they derive from ids.
    #[must_use]
    pub fn is_client_between(
        prefix: impl Into<Cow<'static, str>>,
        claim: impl Into<ClaimPath>,
        suffix: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Statement::IsClient {
            claim: claim.into(),
            prefix: prefix.into(),
            suffix: suffix.into(),
        })
    }

    /// The opposite of `condition`.
    #[expect(
        clippy::should_implement_trait,
        reason = "reads as the other constructors do"
    )]
    #[must_use]
    pub fn not(condition: Self) -> Self {
        Self(Statement::Not(Box::new(condition.0)))
    }

    pub(crate) fn holds(&self, claims: &Claims<'_>, client_id: Option<&str>) -> bool {
        self.0.holds(claims, client_id)
    }

    /// The claims that the condition looks at.
    pub(super) fn paths(&self) -> impl Iterator<Item = &ClaimPath> {
        let mut statement = &self.0;
        while let Statement::Not(inner) = statement {
            statement = inner;
        }
        let (first, second) = match statement {
            Statement::Present(claim)
            | Statement::Absent(claim)
            | Statement::Equals(claim, _)
            | Statement::AbsentOrEquals(claim, _)
            | Statement::StartsWith(claim, _)
            | Statement::Contains(claim, _)
            | Statement::IsClient { claim, .. } => (Some(claim), None),
            Statement::SameAs(claim, other) => (Some(claim), Some(other)),
            Statement::Not(_) => (None, None),
        };
        first.into_iter().chain(second)
    }
}

impl Statement {
    fn holds(&self, claims: &Claims<'_>, client_id: Option<&str>) -> bool {
        let is = |claim: &ClaimPath, text: &str| matches!(claims.at(claim), Some(Claim::Text(value)) if value == text);
        match self {
            Self::Present(claim) => claims.at(claim).is_some(),
            Self::Absent(claim) => claims.at(claim).is_none(),
            Self::Equals(claim, text) => is(claim, text),
            Self::AbsentOrEquals(claim, text) => claims.at(claim).is_none() || is(claim, text),
            Self::StartsWith(claim, prefix) => {
                matches!(claims.at(claim), Some(Claim::Text(value)) if value.starts_with(&**prefix))
            }
            Self::Contains(claim, part) => {
                matches!(claims.at(claim), Some(Claim::Text(value)) if value.contains(&**part))
            }
            Self::SameAs(claim, other) => match (claims.text_at(claim), claims.text_at(other)) {
                (Ok(Some(claim)), Ok(Some(other))) => claim == other,
                _ => false,
            },
            Self::IsClient {
                claim,
                prefix,
                suffix,
            } => match (claims.text_at(claim), client_id) {
                // The usual case by itself: comparing with an empty text costs some processors more than with any other.
                (Ok(Some(text)), Some(client)) if prefix.is_empty() && suffix.is_empty() => {
                    text == client
                }
                (Ok(Some(text)), Some(client)) => text
                    .strip_prefix(&**prefix)
                    .and_then(|text| text.strip_suffix(&**suffix))
                    .is_some_and(|text| {
                        text == client
                            || text.chars().eq(client.chars().flat_map(char::to_lowercase))
                    }),
                _ => false,
            },
            Self::Not(statement) => !statement.holds(claims, client_id),
        }
    }
}

/// Reads as a requirement: ``equals("typ", "Bearer")`` is `` `typ` is "Bearer" ``.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present(claim) => write!(f, "`{claim}` is there"),
            Self::Absent(claim) => write!(f, "`{claim}` is not there"),
            Self::Equals(claim, text) => write!(f, "`{claim}` is {text:?}"),
            Self::AbsentOrEquals(claim, text) => write!(f, "`{claim}` is {text:?} or not there"),
            Self::StartsWith(claim, prefix) => write!(f, "`{claim}` begins with {prefix:?}"),
            Self::Contains(claim, part) => write!(f, "`{claim}` contains {part:?}"),
            Self::SameAs(claim, other) => write!(f, "`{claim}` is the same as `{other}`"),
            Self::IsClient {
                claim,
                prefix,
                suffix,
            } => write!(f, "`{claim}` is {prefix}CLIENT{suffix}, of the client's id"),
            Self::Not(statement) => write!(f, "not: {statement}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::Keep;

    fn claims(json: &str) -> Claims<'_> {
        Claims::parse(json.as_bytes(), &|_| Keep::Tree).expect("parses")
    }

    #[test]
    fn o1_what_points_both_ways_or_neither_is_unknown() {
        let rule = KindRule::new()
            .machine_if([Condition::equals("gty", "m2m")])
            .user_if([Condition::present("uid")]);
        let kind = |json| rule.of(&claims(json), None);
        assert_eq!(kind(r#"{"gty":"m2m"}"#), PrincipalKind::Machine);
        assert_eq!(kind(r#"{"uid":"u"}"#), PrincipalKind::User);
        assert_eq!(kind(r#"{"gty":"m2m","uid":null}"#), PrincipalKind::Unknown);
        assert_eq!(kind("{}"), PrincipalKind::Unknown);
        assert_eq!(
            KindRule::new().machine_if([]).of(&claims("{}"), None),
            PrincipalKind::Unknown
        );
    }

    #[test]
    fn a_condition_follows_a_path() {
        let json = r#"{"kubernetes.io":{"namespace":"billing","pod":{"name":"p"}}}"#;
        let holds = |condition: Condition| condition.holds(&claims(json), Some("p"));
        let namespace = || ClaimPath::from("kubernetes.io").member("namespace");
        let pod = || {
            ClaimPath::from("kubernetes.io")
                .member("pod")
                .member("name")
        };
        assert!(holds(Condition::equals(namespace(), "billing")));
        assert!(!holds(Condition::equals(
            "kubernetes.io.namespace",
            "billing"
        )));
        assert!(holds(Condition::is_client(pod())));
        assert!(holds(Condition::absent(namespace().member("x"))));
    }

    #[test]
    fn conditions_compare_texts_exactly() {
        let json = r#"{"sub":"c1","azp":"c1","n":1,"user":"sa-c1"}"#;
        let holds = |condition: Condition| condition.holds(&claims(json), Some("c1"));
        assert!(holds(Condition::same("sub", "azp")));
        assert!(
            !holds(Condition::same("sub", "other")) && !holds(Condition::same("other", "another"))
        );
        assert!(holds(Condition::is_client("sub")) && !holds(Condition::is_client("user")));
        assert!(holds(Condition::is_client_between("sa-", "user", "")));
        assert!(Condition::is_client_between("sa-", "user", "").holds(&claims(json), Some("C1")));
        assert!(!Condition::is_client("sub").holds(&claims(json), Some("C1")));
        assert!(
            !holds(Condition::equals("n", "1")) && !holds(Condition::absent_or_equals("n", "1"))
        );
        assert!(holds(Condition::absent_or_equals("m", "1")));
        assert!(
            holds(Condition::starts_with("user", "sa-")) && !holds(Condition::starts_with("n", ""))
        );
        assert!(holds(Condition::contains("user", "-c")));
        assert!(!holds(Condition::contains("user", "C")) && !holds(Condition::contains("n", "")));
        assert!(holds(Condition::not(Condition::equals("sub", "C1"))));
        assert!(!Condition::is_client("sub").holds(&claims(json), None));
    }
}
