//! What a route asks for.

use std::{fmt, sync::Arc};

use crate::{ConfigError, Scope, ScopeSet};

/// A demand on the caller's scopes: one, all or any of several, nested as needed.
///
/// There is no *not*: a caller can always ask its issuer for fewer scopes, so their absence proves nothing.
///
/// ```
/// use portcullis_core::{Scope, ScopePolicy, ScopeSet};
///
/// const READ: Scope = Scope::from_static("orders:read");
/// const WRITE: Scope = Scope::from_static("orders:write");
/// const ADMIN: Scope = Scope::from_static("admin");
///
/// let policy = ScopePolicy::any([ADMIN.into(), ScopePolicy::all([READ, WRITE])]);
/// assert!(policy.is_satisfied_by(&ScopeSet::parse("orders:read orders:write")));
/// assert!(!policy.is_satisfied_by(&ScopeSet::parse("orders:read")));
/// assert_eq!(policy.challenge_scope(), "admin");
/// ```
#[derive(Clone, Debug)]
pub struct ScopePolicy(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    rule: Rule,
    challenge_scope: Box<str>,
}

#[derive(Clone, Debug)]
enum Rule {
    Scope(Scope),
    All(Box<[Rule]>),
    Any(Box<[Rule]>),
}

impl ScopePolicy {
    /// Asks for every part.
    ///
    /// ```
    /// # use portcullis_core::{Scope, ScopePolicy};
    /// let parts: [Scope; 1] = [Scope::from_static("orders:read")];
    /// let policy = ScopePolicy::all(parts);
    /// ```
    ///
    /// An empty list would ask for nothing, so it does not compile:
    ///
    /// ```compile_fail
    /// # use portcullis_core::{Scope, ScopePolicy};
    /// let parts: [Scope; 0] = [];
    /// let policy = ScopePolicy::all(parts);
    /// ```
    #[must_use]
    pub fn all<P: Into<ScopePolicy>, const N: usize>(parts: [P; N]) -> Self {
        const {
            assert!(
                N > 0,
                "`all` of nothing would let every caller pass: name at least one scope"
            )
        };
        Self::compile(Rule::all(rules(parts)))
    }

    /// Asks for at least one part. A caller who lacks all is told of the first that is listed.
    ///
    /// ```
    /// # use portcullis_core::{Scope, ScopePolicy};
    /// let parts: [Scope; 1] = [Scope::from_static("orders:read")];
    /// let policy = ScopePolicy::any(parts);
    /// ```
    ///
    /// An empty list could never be met, so it does not compile:
    ///
    /// ```compile_fail
    /// # use portcullis_core::{Scope, ScopePolicy};
    /// let parts: [Scope; 0] = [];
    /// let policy = ScopePolicy::any(parts);
    /// ```
    #[must_use]
    pub fn any<P: Into<ScopePolicy>, const N: usize>(parts: [P; N]) -> Self {
        const {
            assert!(
                N > 0,
                "`any` of nothing would let no caller pass: name at least one scope"
            )
        };
        Self::compile(Rule::any(rules(parts)))
    }

    /// [`all`](Self::all) for parts found at run time.
    ///
    /// # Errors
    ///
    /// When there are none.
    pub fn try_all(parts: impl IntoIterator<Item = ScopePolicy>) -> Result<Self, ConfigError> {
        Self::non_empty(parts).map(|rules| Self::compile(Rule::all(rules)))
    }

    /// [`any`](Self::any) for parts found at run time.
    ///
    /// # Errors
    ///
    /// When there are none.
    pub fn try_any(parts: impl IntoIterator<Item = ScopePolicy>) -> Result<Self, ConfigError> {
        Self::non_empty(parts).map(|rules| Self::compile(Rule::any(rules)))
    }

    /// Whether a caller with these scopes may pass.
    #[must_use]
    pub fn is_satisfied_by(&self, granted: &ScopeSet) -> bool {
        self.0.rule.is_satisfied_by(granted)
    }

    /// The scopes a refused caller should ask for, as the challenge's `scope` attribute states them (RFC 6750 §3):
    /// every part of an *all*, the first alternative of an *any*.
    #[must_use]
    pub fn challenge_scope(&self) -> &str {
        &self.0.challenge_scope
    }

    fn non_empty(parts: impl IntoIterator<Item = ScopePolicy>) -> Result<Vec<Rule>, ConfigError> {
        let rules = rules(parts);
        if rules.is_empty() {
            return Err(ConfigError::new(
                "scopes",
                "the list is empty: name at least one scope, or leave the guard out",
            ));
        }
        Ok(rules)
    }

    fn compile(rule: Rule) -> Self {
        let mut scopes = Vec::new();
        rule.first_alternative(&mut scopes);
        let mut seen = Vec::with_capacity(scopes.len());
        for scope in scopes {
            if !seen.contains(&scope) {
                seen.push(scope);
            }
        }
        let challenge_scope = seen.join(" ").into();
        Self(Arc::new(Compiled {
            rule,
            challenge_scope,
        }))
    }
}

/// The whole demand, for people: `admin or (orders:read and orders:write)`.
impl fmt::Display for ScopePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.rule.write(f, false)
    }
}

impl From<Scope> for ScopePolicy {
    fn from(scope: Scope) -> Self {
        Self::compile(Rule::Scope(scope))
    }
}

impl Rule {
    /// Every one of these. One by itself stays what it is, as the usual demand is a single scope.
    fn all(mut rules: Vec<Self>) -> Self {
        match rules.len() {
            1 => rules.remove(0),
            _ => Self::All(rules.into()),
        }
    }

    /// At least one of these.
    fn any(mut rules: Vec<Self>) -> Self {
        match rules.len() {
            1 => rules.remove(0),
            _ => Self::Any(rules.into()),
        }
    }

    fn is_satisfied_by(&self, granted: &ScopeSet) -> bool {
        match self {
            Self::Scope(scope) => granted.contains(scope),
            Self::All(rules) => rules.iter().all(|rule| rule.is_satisfied_by(granted)),
            Self::Any(rules) => rules.iter().any(|rule| rule.is_satisfied_by(granted)),
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, nested: bool) -> fmt::Result {
        let (rules, word) = match self {
            Self::Scope(scope) => return f.write_str(scope.as_str()),
            Self::All(rules) => (rules, " and "),
            Self::Any(rules) => (rules, " or "),
        };
        f.write_str(if nested { "(" } else { "" })?;
        for (index, rule) in rules.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { word })?;
            rule.write(f, true)?;
        }
        f.write_str(if nested { ")" } else { "" })
    }

    fn first_alternative<'a>(&'a self, scopes: &mut Vec<&'a str>) {
        match self {
            Self::Scope(scope) => scopes.push(scope.as_str()),
            Self::All(rules) => rules.iter().for_each(|rule| rule.first_alternative(scopes)),
            Self::Any(rules) => rules
                .iter()
                .take(1)
                .for_each(|rule| rule.first_alternative(scopes)),
        }
    }
}

fn rules(parts: impl IntoIterator<Item = impl Into<ScopePolicy>>) -> Vec<Rule> {
    parts
        .into_iter()
        .map(|part| part.into().0.rule.clone())
        .collect()
}

/// A demand that is a type, so that a handler's signature can state it: see [`scope!`](crate::scope).
///
/// Tuples of up to four ask for all of their members.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no demand on scopes",
    label = "not declared with `scope!`, nor a tuple of such",
    note = "declare a scope with `scope!(ReadOrders = \"orders:read\");`"
)]
pub trait ScopeRequirement: Send + Sync + 'static {
    /// The demand as a policy. Called once for each refused request and each startup listing, not on the way through.
    fn policy() -> ScopePolicy;

    /// Whether a caller with these scopes may pass.
    fn is_satisfied_by(granted: &ScopeSet) -> bool;
}

/// Declares a scope as a type and, on it, as a constant: both from the one literal.
///
/// ```
/// use portcullis_core::{RequireScopeLayer, Scope, scope};
///
/// scope!(
///     /// May change orders.
///     pub WriteOrders = "orders:write"
/// );
///
/// assert_eq!(WriteOrders::SCOPE.as_str(), "orders:write");
/// let layer = RequireScopeLayer::all([WriteOrders::SCOPE]);
/// ```
///
/// Text that is no scope does not compile:
///
/// ```compile_fail
/// portcullis_core::scope!(pub Bad = "orders write");
/// ```
#[macro_export]
macro_rules! scope {
    ($(#[$attribute:meta])* $visibility:vis $name:ident = $text:literal $(;)?) => {
        $(#[$attribute])*
        #[doc = concat!("The scope `", $text, "`.")]
        #[derive(Clone, Copy, Debug)]
        $visibility struct $name;

        impl $name {
            /// The scope itself.
            $visibility const SCOPE: $crate::Scope = $crate::Scope::from_static($text);
        }

        // Evaluated by `cargo check` already, used or not.
        const _: $crate::Scope = $name::SCOPE;

        impl $crate::ScopeRequirement for $name {
            fn policy() -> $crate::ScopePolicy {
                Self::SCOPE.into()
            }

            fn is_satisfied_by(granted: &$crate::ScopeSet) -> bool {
                granted.contains($text)
            }
        }
    };
}

macro_rules! all_of_a_tuple {
    ($($member:ident),+) => {
        impl<$($member: ScopeRequirement),+> ScopeRequirement for ($($member,)+) {
            fn policy() -> ScopePolicy {
                ScopePolicy::all([$($member::policy()),+])
            }

            fn is_satisfied_by(granted: &ScopeSet) -> bool {
                $($member::is_satisfied_by(granted))&&+
            }
        }
    };
}
all_of_a_tuple!(A);
all_of_a_tuple!(A, B);
all_of_a_tuple!(A, B, C);
all_of_a_tuple!(A, B, C, D);

#[cfg(test)]
mod tests {
    use super::*;

    const A: Scope = Scope::from_static("a");
    const B: Scope = Scope::from_static("b");
    const C: Scope = Scope::from_static("c");

    #[test]
    fn truth_table() {
        let all = ScopePolicy::all([A, B]);
        let any = ScopePolicy::any([A, B]);
        let nested = ScopePolicy::all([ScopePolicy::any([A, B]), C.into()]);
        let parts = || [A, B].map(ScopePolicy::from);
        let try_all = ScopePolicy::try_all(parts()).expect("two parts");
        let try_any = ScopePolicy::try_any(parts()).expect("two parts");
        for (granted, of_all, of_any, of_nested) in [
            ("", false, false, false),
            ("a", false, true, false),
            ("b c", false, true, true),
            ("a b", true, true, false),
            ("a b c", true, true, true),
        ] {
            let granted = ScopeSet::parse(granted);
            for (policy, expected) in [
                (&all, of_all),
                (&try_all, of_all),
                (&any, of_any),
                (&try_any, of_any),
                (&nested, of_nested),
            ] {
                let verdict = policy.is_satisfied_by(&granted);
                assert_eq!(verdict, expected, "{granted}: {policy:?}");
            }
        }
    }

    #[test]
    fn one_part_is_asked_for_by_itself() {
        let parts = || [ScopePolicy::from(A)];
        for policy in [
            ScopePolicy::all([A]),
            ScopePolicy::any([A]),
            ScopePolicy::try_all(parts()).expect("one part"),
            ScopePolicy::try_any(parts()).expect("one part"),
            ScopePolicy::any([ScopePolicy::all([ScopePolicy::any([A])])]),
        ] {
            assert!(policy.is_satisfied_by(&ScopeSet::parse("a b")));
            assert!(!policy.is_satisfied_by(&ScopeSet::parse("b")));
            assert!(!policy.is_satisfied_by(&ScopeSet::default()));
            assert_eq!(policy.challenge_scope(), "a");
        }
    }

    #[test]
    fn the_challenge_names_what_to_ask_for() {
        assert_eq!(ScopePolicy::all([A, B, A]).challenge_scope(), "a b");
        assert_eq!(
            ScopePolicy::any([ScopePolicy::all([B, C]), A.into()]).challenge_scope(),
            "b c"
        );
    }

    #[test]
    fn the_whole_demand_is_shown_to_people() {
        let nested = ScopePolicy::any([ScopePolicy::all([B, C]), A.into()]);
        assert_eq!(nested.to_string(), "(b and c) or a");
        assert_eq!(ScopePolicy::all([A, B]).to_string(), "a and b");
        assert_eq!(ScopePolicy::from(A).to_string(), "a");
    }

    #[test]
    fn nothing_is_refused_at_run_time() {
        assert_eq!(ScopePolicy::try_all([]).unwrap_err().setting(), "scopes");
        assert!(ScopePolicy::try_any([]).is_err());
    }

    #[test]
    fn tuples_ask_for_every_member() {
        scope!(ReadOrders = "a");
        scope!(WriteOrders = "b");
        assert!(!<(ReadOrders, WriteOrders)>::is_satisfied_by(
            &ScopeSet::parse("a")
        ));
        assert!(<(ReadOrders, WriteOrders)>::is_satisfied_by(
            &ScopeSet::parse("a b")
        ));
        assert_eq!(
            <(ReadOrders, WriteOrders)>::policy().challenge_scope(),
            "a b"
        );
    }
}
