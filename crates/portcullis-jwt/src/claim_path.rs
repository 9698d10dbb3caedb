//! The path to a value in the claims of a token.

use std::{borrow::Cow, fmt};

/// The path to a value in the claims of a token: the name of a claim, and steps into it.
///
/// A string is the name of one claim. Dots do not separate names, since the names of many claims contain dots:
///
/// ```
/// use portcullis_jwt::ClaimPath;
///
/// let one_claim = ClaimPath::from("https://example.com/roles");
/// let keycloak = ClaimPath::from("realm_access").member("roles");
/// // `{"roles": [{"name": "reader"}, {"name": "writer"}]}`
/// let objects = ClaimPath::from("roles").each().member("name");
/// assert_eq!(keycloak.to_string(), "realm_access.roles");
/// assert_eq!(objects.to_string(), "roles[].name");
/// ```
///
/// A path with [`each`](Self::each), [`client_member`](Self::client_member),
/// [`audience_member`](Self::audience_member) or [`member_names`](Self::member_names) may lead to several values. Only
/// scope and role claims may use such a path; elsewhere, building the verifier fails.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimPath {
    pub(crate) claim: Cow<'static, str>,
    /// The steps into the claim; empty for the claim itself.
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Member(Cow<'static, str>),
    ClientMember,
    AudienceMember,
    Each,
    MemberNames,
}

impl ClaimPath {
    /// Continues at a member of an object.
    #[must_use]
    pub fn member(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.then(Step::Member(name.into()))
    }

    /// Continues at the member of an object whose name is the client of the token.
    ///
    /// In Keycloak's `resource_access` these are the roles that the *calling* client defines, under names that its
    /// administrators choose. For the roles of this service, use [`audience_member`](Self::audience_member) or its name.
    #[must_use]
    pub fn client_member(self) -> Self {
        self.then(Step::ClientMember)
    }

    /// Continues at the members of an object whose names are audiences that the token names and the verifier accepts:
    /// in Keycloak's `resource_access`, the roles of this service.
    #[must_use]
    pub fn audience_member(self) -> Self {
        self.then(Step::AudienceMember)
    }

    /// Continues at each item of an array.
    #[must_use]
    pub fn each(self) -> Self {
        self.then(Step::Each)
    }

    /// Ends at the names of the members of an object, for issuers that write roles as names.
    #[must_use]
    pub fn member_names(self) -> Self {
        self.then(Step::MemberNames)
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Why the path cannot be used, if so. With `single`, the path must lead to a single value.
    pub(crate) fn problem(&self, single: bool) -> Option<String> {
        let is_empty = |step: &Step| matches!(step, Step::Member(name) if name.is_empty());
        let is_member = |step: &Step| matches!(step, Step::Member(_));
        let mut before_last = self.steps.iter().rev().skip(1);
        let problem = if self.claim.is_empty() || self.steps.iter().any(is_empty) {
            "contains an empty name: remove it"
        } else if single && !self.steps.iter().all(is_member) {
            "may lead to several values, which only scope and role claims may have: write a path to one value"
        } else if before_last.any(|step| *step == Step::MemberNames) {
            "has steps after the member names: make the member names the last step"
        } else if !self.steps.is_empty() && &*self.claim == "aud" {
            "leads into `aud`, which has strings only: use another claim"
        } else {
            return None;
        };
        Some(format!("the claim `{self}` {problem}"))
    }
}

impl<C: Into<Cow<'static, str>>> From<C> for ClaimPath {
    fn from(claim: C) -> Self {
        Self {
            claim: claim.into(),
            steps: Vec::new(),
        }
    }
}

/// For messages: `realm_access.roles`, `resource_access.{audience}.roles`, `roles[].name`.
impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.claim)?;
        self.steps.iter().try_for_each(|step| match step {
            Step::Member(name) if name.contains('.') => write!(f, ".{name:?}"),
            Step::Member(name) => write!(f, ".{name}"),
            Step::ClientMember => f.write_str(".{client}"),
            Step::AudienceMember => f.write_str(".{audience}"),
            Step::Each => f.write_str("[]"),
            Step::MemberNames => f.write_str(".{names}"),
        })
    }
}

impl fmt::Debug for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}
