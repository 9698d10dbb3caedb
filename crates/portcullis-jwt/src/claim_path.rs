//! Where a value stands in a token's claims.

use std::{borrow::Cow, fmt};

use crate::claim_name::ClaimName;

/// Where a value stands in a token's claims: the name of a claim, and the way into it.
///
/// A text is the name of one claim, taken whole. Dots do not separate names, since many claims have dots in their
/// names:
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
/// scope and role claims may use it; elsewhere, building the verifier fails.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimPath {
    claim: ClaimName,
    steps: Vec<Step>,
}

/// One step into a claim.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The member of an object with this name.
    Member(Cow<'static, str>),
    /// The member of an object that is named like the token's client.
    ClientMember,
    /// The members of an object that are named like an accepted audience of the token.
    AudienceMember,
    /// Each item of an array.
    Each,
    /// The names of an object's members.
    MemberNames,
}

impl ClaimPath {
    /// Goes on to the member of an object.
    #[must_use]
    pub fn member(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.then(Step::Member(name.into()))
    }

    /// Goes on to the member of an object that is named like the client of the token.
    ///
    /// With Keycloak's `resource_access` these are the roles that the *calling* client defines. Whoever administers
    /// that client chooses their names. Roles of this service are found by
    /// [`audience_member`](Self::audience_member), or under the service's own name.
    #[must_use]
    pub fn client_member(self) -> Self {
        self.then(Step::ClientMember)
    }

    /// Goes on to the members of an object that are named like an audience that both the token names and the verifier
    /// accepts: in Keycloak's `resource_access`, the roles of this service.
    #[must_use]
    pub fn audience_member(self) -> Self {
        self.then(Step::AudienceMember)
    }

    /// Goes on to each item of an array.
    #[must_use]
    pub fn each(self) -> Self {
        self.then(Step::Each)
    }

    /// Ends at the names of an object's members, for issuers that write roles as names.
    #[must_use]
    pub fn member_names(self) -> Self {
        self.then(Step::MemberNames)
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The name of the claim.
    #[inline]
    pub(crate) fn claim(&self) -> &ClaimName {
        &self.claim
    }

    /// The way into the claim; empty where the claim itself is meant.
    #[inline]
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether the path leads into a claim.
    #[inline]
    pub(crate) fn is_nested(&self) -> bool {
        !self.steps.is_empty()
    }

    /// Whether this is the claim `name` itself.
    pub(crate) fn is_claim(&self, name: &str) -> bool {
        !self.is_nested() && *self.claim == *name
    }

    /// What is wrong with the path. Where it names `one` value, it must lead to one.
    pub(crate) fn problem(&self, one: bool) -> Option<String> {
        let names = self.steps.iter().filter_map(|step| match step {
            Step::Member(name) => Some(&**name),
            _ => None,
        });
        if std::iter::once(&*self.claim)
            .chain(names)
            .any(str::is_empty)
        {
            return Some(format!("the claim `{self}` has an empty name in it"));
        }
        if one
            && !self
                .steps
                .iter()
                .all(|step| matches!(step, Step::Member(_)))
        {
            return Some(format!(
                "`{self}` may lead to several values, which only scope and role claims can have"
            ));
        }
        let last = self.steps.len().saturating_sub(1);
        if self
            .steps
            .iter()
            .take(last)
            .any(|step| *step == Step::MemberNames)
        {
            return Some(format!(
                "`{self}` has steps after the member names: make the member names the last step"
            ));
        }
        if self.is_nested() && &*self.claim == "aud" {
            return Some(format!("`{self}` leads into `aud`, which holds texts only"));
        }
        None
    }
}

impl From<&'static str> for ClaimPath {
    fn from(claim: &'static str) -> Self {
        Self::from(Cow::Borrowed(claim))
    }
}

impl From<String> for ClaimPath {
    fn from(claim: String) -> Self {
        Self::from(Cow::<'static, str>::Owned(claim))
    }
}

impl From<Cow<'static, str>> for ClaimPath {
    fn from(claim: Cow<'static, str>) -> Self {
        Self {
            claim: ClaimName::new(claim),
            steps: Vec::new(),
        }
    }
}

/// For messages: `realm_access.roles`, `resource_access.{audience}.roles`, `roles[].name`.
impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.claim, f)?;
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
