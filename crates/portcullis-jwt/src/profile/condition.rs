//! Statements about the claims of a token.

use std::{borrow::Cow, fmt};

use crate::{
    claim_path::ClaimPath,
    claims::{Claim, Claims},
};

/// A statement about the claims of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    claim: ClaimPath,
    test: Test,
    negated: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Present,
    Equals(Cow<'static, str>),
    AbsentOrEquals(Cow<'static, str>),
    StartsWith(Cow<'static, str>),
    Contains(Cow<'static, str>),
    SameAs(ClaimPath),
    IsClient {
        prefix: Cow<'static, str>,
        suffix: Cow<'static, str>,
    },
}

impl Condition {
    /// The claim is present, whatever its value.
    #[must_use]
    pub fn present(claim: impl Into<ClaimPath>) -> Self {
        Self::new(claim, Test::Present)
    }

    /// The claim is absent; a claim that is `null` is present.
    #[must_use]
    pub fn absent(claim: impl Into<ClaimPath>) -> Self {
        Self::not(Self::present(claim))
    }

    /// The claim is exactly this text.
    #[must_use]
    pub fn equals(claim: impl Into<ClaimPath>, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(claim, Test::Equals(text.into()))
    }

    /// The claim is absent or exactly this text.
    #[must_use]
    pub fn absent_or_equals(
        claim: impl Into<ClaimPath>,
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(claim, Test::AbsentOrEquals(text.into()))
    }

    /// The claim is a text that starts with `prefix`.
    #[must_use]
    pub fn starts_with(claim: impl Into<ClaimPath>, prefix: impl Into<Cow<'static, str>>) -> Self {
        Self::new(claim, Test::StartsWith(prefix.into()))
    }

    /// The claim is a text that contains `part`.
    #[must_use]
    pub fn contains(claim: impl Into<ClaimPath>, part: impl Into<Cow<'static, str>>) -> Self {
        Self::new(claim, Test::Contains(part.into()))
    }

    /// Both claims are present and the same text.
    #[must_use]
    pub fn same(claim: impl Into<ClaimPath>, other: impl Into<ClaimPath>) -> Self {
        Self::new(claim, Test::SameAs(other.into()))
    }

    /// The claim is the client's id, as the profile finds it.
    #[must_use]
    pub fn is_client(claim: impl Into<ClaimPath>) -> Self {
        Self::is_derived_from_client(claim, "", "")
    }

    /// The claim is `prefix`, then the client's id, then `suffix`.
    ///
    /// If `prefix` or `suffix` is not empty, the id may also be in lower case, as some issuers write it in derived names.
    #[must_use]
    pub fn is_derived_from_client(
        claim: impl Into<ClaimPath>,
        prefix: impl Into<Cow<'static, str>>,
        suffix: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (prefix, suffix) = (prefix.into(), suffix.into());
        Self::new(claim, Test::IsClient { prefix, suffix })
    }

    /// The opposite of `condition`.
    #[expect(
        clippy::should_implement_trait,
        reason = "reads as the other constructors do"
    )]
    #[must_use]
    pub fn not(condition: Self) -> Self {
        Self {
            negated: !condition.negated,
            ..condition
        }
    }

    fn new(claim: impl Into<ClaimPath>, test: Test) -> Self {
        Self {
            claim: claim.into(),
            test,
            negated: false,
        }
    }

    pub(super) fn holds(&self, claims: &Claims<'_>, client_id: Option<&str>) -> bool {
        self.test.holds(&self.claim, claims, client_id) != self.negated
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &ClaimPath> {
        let other = match &self.test {
            Test::SameAs(other) => Some(other),
            _ => None,
        };
        [&self.claim].into_iter().chain(other)
    }
}

impl Test {
    fn holds(&self, path: &ClaimPath, claims: &Claims<'_>, client_id: Option<&str>) -> bool {
        let claim = claims.at(path);
        let text = claim.and_then(Claim::as_text);
        match self {
            Self::Present => claim.is_some(),
            Self::Equals(expected) => text == Some(expected),
            Self::AbsentOrEquals(expected) => claim.is_none() || text == Some(expected),
            Self::StartsWith(prefix) => text.is_some_and(|text| text.starts_with(&**prefix)),
            Self::Contains(part) => text.is_some_and(|text| text.contains(&**part)),
            Self::SameAs(other) => text.is_some() && claims.text_at(other) == Ok(text),
            Self::IsClient { prefix, suffix } if prefix.is_empty() && suffix.is_empty() => {
                text.is_some() && text == client_id
            }
            Self::IsClient { prefix, suffix } => {
                let part = text
                    .and_then(|text| text.strip_prefix(&**prefix)?.strip_suffix(&**suffix))
                    .zip(client_id);
                part.is_some_and(|(part, client)| {
                    let lower = client.chars().flat_map(char::to_lowercase);
                    part == client || part.chars().eq(lower)
                })
            }
        }
    }
}

/// Reads as a requirement: `equals("typ", "Bearer")` is shown as `` `typ` is "Bearer" ``.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claim = &self.claim;
        match &self.test {
            Test::Present if self.negated => return write!(f, "`{claim}` is absent"),
            _ if self.negated => f.write_str("not: ")?,
            _ => {}
        }
        match &self.test {
            Test::Present => write!(f, "`{claim}` is present"),
            Test::Equals(text) => write!(f, "`{claim}` is {text:?}"),
            Test::AbsentOrEquals(text) => write!(f, "`{claim}` is {text:?} or absent"),
            Test::StartsWith(prefix) => write!(f, "`{claim}` starts with {prefix:?}"),
            Test::Contains(part) => write!(f, "`{claim}` contains {part:?}"),
            Test::SameAs(other) => write!(f, "`{claim}` is the same as `{other}`"),
            Test::IsClient { prefix, suffix } => {
                write!(f, "`{claim}` is {prefix}CLIENT_ID{suffix}")
            }
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
    fn condition_follows_a_path() {
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
    fn condition_compares_whole_texts() {
        let json = r#"{"sub":"c1","azp":"c1","n":1,"user":"sa-c1"}"#;
        let holds = |condition: Condition| condition.holds(&claims(json), Some("c1"));
        assert!(holds(Condition::same("sub", "azp")));
        assert!(
            !holds(Condition::same("sub", "other")) && !holds(Condition::same("other", "another"))
        );
        assert!(holds(Condition::is_client("sub")) && !holds(Condition::is_client("user")));
        assert!(holds(Condition::is_derived_from_client("user", "sa-", "")));
        assert!(
            Condition::is_derived_from_client("user", "sa-", "").holds(&claims(json), Some("C1"))
        );
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
