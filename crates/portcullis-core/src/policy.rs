//! Rules about scopes.

use std::{fmt, sync::Arc};

use crate::scope::{Scope, ScopeSet};

/// The scopes that a route requires: one, all or any of several, nested as needed.
///
/// There is no *not*: a caller can always request fewer scopes, so their absence proves nothing.
///
/// ```
/// use portcullis_core::{Scope, ScopePolicy, ScopeSet};
///
/// const READ: Scope = Scope::from_static("orders:read");
/// const ADMIN: Scope = Scope::from_static("admin");
///
/// let policy = ScopePolicy::any([ADMIN.into(), ScopePolicy::all([READ])]);
/// assert!(policy.is_satisfied_by(&ScopeSet::parse("orders:read")));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ScopePolicy(Arc<Rule>);

#[derive(Debug)]
enum Rule {
    Scope(Scope),
    All(Box<[ScopePolicy]>),
    Any(Box<[ScopePolicy]>),
}

impl ScopePolicy {
    /// Requires every part. An empty list would require nothing, so it does not compile:
    ///
    /// ```compile_fail
    /// portcullis_core::ScopePolicy::all::<portcullis_core::Scope, 0>([]);
    /// ```
    pub fn all<P: Into<ScopePolicy>, const N: usize>(parts: [P; N]) -> Self {
        const { assert!(N > 0, "`all` of nothing lets anyone pass: name a scope") };
        Self::new(Rule::All(parts.map(P::into).into()))
    }

    /// Requires at least one part. If the caller has none, the refusal names the first. An empty list does not compile:
    ///
    /// ```compile_fail
    /// portcullis_core::ScopePolicy::any::<portcullis_core::Scope, 0>([]);
    /// ```
    pub fn any<P: Into<ScopePolicy>, const N: usize>(parts: [P; N]) -> Self {
        const { assert!(N > 0, "`any` of nothing lets no caller pass: name a scope") };
        Self::new(Rule::Any(parts.map(P::into).into()))
    }

    fn new(rule: Rule) -> Self {
        Self(Arc::new(rule))
    }

    /// Whether a caller with these scopes passes.
    #[must_use]
    pub fn is_satisfied_by(&self, granted: &ScopeSet) -> bool {
        match &*self.0 {
            Rule::Scope(scope) => granted.contains(scope),
            Rule::All(parts) => parts.iter().all(|part| part.is_satisfied_by(granted)),
            Rule::Any(parts) => parts.iter().any(|part| part.is_satisfied_by(granted)),
        }
    }

    /// The scopes that a refused caller should request, as in the challenge's `scope` attribute (RFC 6750 §3): every part
    /// of an *all*, the first part of an *any*.
    pub fn challenge_scope(&self) -> String {
        let mut scopes = Vec::new();
        self.collect_scopes(&mut scopes);
        scopes.join(" ")
    }

    fn collect_scopes<'a>(&'a self, scopes: &mut Vec<&'a str>) {
        match &*self.0 {
            Rule::Scope(scope) if scopes.contains(&scope.as_str()) => {}
            Rule::Scope(scope) => scopes.push(scope.as_str()),
            Rule::All(parts) => parts.iter().for_each(|part| part.collect_scopes(scopes)),
            Rule::Any(parts) => parts[0].collect_scopes(scopes),
        }
    }

    fn text(&self, is_nested: bool) -> String {
        let (parts, word) = match &*self.0 {
            Rule::Scope(scope) => return scope.to_string(),
            Rule::All(parts) | Rule::Any(parts) if parts.len() == 1 => {
                return parts[0].text(is_nested);
            }
            Rule::All(parts) => (parts, " and "),
            Rule::Any(parts) => (parts, " or "),
        };
        let parts: Vec<_> = parts.iter().map(|part| part.text(true)).collect();
        let text = parts.join(word);
        if is_nested { format!("({text})") } else { text }
    }
}

/// The whole policy, for logs: `admin or (orders:read and orders:write)`.
impl fmt::Display for ScopePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(false))
    }
}

impl From<Scope> for ScopePolicy {
    fn from(scope: Scope) -> Self {
        Self::new(Rule::Scope(scope))
    }
}

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
        for (granted, of_all, of_any, of_nested) in [
            ("", false, false, false),
            ("a", false, true, false),
            ("b c", false, true, true),
            ("a b", true, true, false),
            ("a b c", true, true, true),
        ] {
            let granted = ScopeSet::parse(granted);
            for (policy, expected) in [(&all, of_all), (&any, of_any), (&nested, of_nested)] {
                let verdict = policy.is_satisfied_by(&granted);
                assert_eq!(verdict, expected, "{granted}: {policy:?}");
            }
        }
    }

    #[test]
    fn single_part_is_required_alone() {
        for policy in [
            ScopePolicy::all([A]),
            ScopePolicy::any([A]),
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
    fn display_shows_the_whole_policy() {
        let nested = ScopePolicy::any([ScopePolicy::all([B, C]), A.into()]);
        assert_eq!(nested.to_string(), "(b and c) or a");
        assert_eq!(ScopePolicy::all([A, B]).to_string(), "a and b");
        assert_eq!(ScopePolicy::from(A).to_string(), "a");
    }
}
