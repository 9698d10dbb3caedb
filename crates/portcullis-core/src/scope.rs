//! Scopes: what a caller may do (RFC 6749 §3.3).

use std::{borrow::Cow, fmt};

use serde::{Serialize, Serializer};

use crate::error::ConfigError;

/// One scope: one or more printable ASCII characters other than space, `"` and `\` (RFC 6749 §3.3 `scope-token`).
///
/// ```
/// use portcullis_core::Scope;
///
/// const READ: Scope = Scope::from_static("orders:read"); // checked at compile time
/// assert!(Scope::parse("orders read").is_err());
/// assert_eq!(READ.as_str(), "orders:read");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Cow<'static, str>);

impl Scope {
    /// A scope from a literal.
    ///
    /// # Panics
    ///
    /// When `text` is not a scope-token. In a `const`, that is a compile error.
    pub const fn from_static(text: &'static str) -> Self {
        assert!(
            is_scope_token(text),
            "a scope is one or more printable ASCII characters other than space, quote and backslash"
        );
        Self(Cow::Borrowed(text))
    }

    /// A scope from text found at run time.
    ///
    /// # Errors
    ///
    /// When `text` is not a scope-token.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        if !is_scope_token(text) {
            let problem = "not a scope: use one or more printable ASCII characters other than space, `\"` and `\\`";
            return Err(ConfigError::new("scope", problem));
        }
        Ok(Self(Cow::Owned(text.to_owned())))
    }

    /// The scope's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Scope {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// The scopes that a caller was granted: sorted, each once.
///
/// Items that are not scope-tokens are ignored, and the caller keeps its other scopes.
// One text, in which single spaces separate the scopes, takes one allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScopeSet(Box<str>);

impl ScopeSet {
    /// The scopes of a list separated by spaces (U+0020 only).
    pub fn parse(list: &str) -> Self {
        Self::from_tokens(list.split(' '))
    }

    /// The scopes of a list that is already split, such as a JSON array. An item that contains a space is ignored, not split.
    pub fn from_tokens<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Self {
        let tokens = tokens.into_iter();
        let mut scopes: Vec<&str> = tokens.filter(|token| is_scope_token(token)).collect();
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes.join(" ").into())
    }

    /// Whether `scope` was granted. The comparison is exact.
    #[must_use]
    pub fn contains(&self, scope: impl AsRef<str>) -> bool {
        let scope = scope.as_ref().as_bytes();
        let mut granted = self.0.as_bytes().split(|octet| *octet == b' ');
        !scope.is_empty() && granted.any(|granted| granted == scope)
    }

    /// The scopes, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> + '_ {
        self.0.split(' ').filter(|scope| !scope.is_empty())
    }

    /// Whether no scope was granted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes as one list, separated by spaces.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let scopes: Vec<Scope> = scopes.into_iter().collect();
        Self::from_tokens(scopes.iter().map(Scope::as_str))
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

const fn is_scope_token(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        if !matches!(bytes[index], 0x21 | 0x23..=0x5b | 0x5d..=0x7e) {
            return false;
        }
        index += 1;
    }
    !bytes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_space_separates() {
        let set = ScopeSet::parse("a\tb c,d  e\u{a0}f g");
        assert_eq!(set.iter().collect::<Vec<_>>(), ["c,d", "g"]);
    }

    #[test]
    fn membership_is_exact() {
        let set = ScopeSet::parse("orders:read orders:read:all b a");
        for granted in ["orders:read", "orders:read:all", "a", "b"] {
            assert!(set.contains(granted), "{granted}");
        }
        for missing in [
            "orders",
            "orders:",
            "Orders:read",
            "orders:read:",
            "a b",
            "",
            " ",
            "c",
        ] {
            assert!(!set.contains(missing), "{missing}");
        }
    }

    #[test]
    fn each_of_many_scopes_is_found() {
        for count in 0..40 {
            let scope = |number: usize| format!("orders:{number:02}");
            let list: Vec<_> = (0..count).map(|number| scope(2 * number)).collect();
            let set = ScopeSet::parse(&list.join(" "));
            assert_eq!(set.iter().count(), count);
            for number in 0..80 {
                let expected = number.is_multiple_of(2) && number / 2 < count;
                assert_eq!(set.contains(scope(number)), expected, "{number} of {count}");
                assert!(!set.contains(&scope(number)[..8]), "{number} of {count}");
            }
        }
    }

    #[test]
    fn order_does_not_matter() {
        let texts = ["", "a", "a:b", "a\t", "b", "\"", "ü"];
        let pairs = texts
            .iter()
            .flat_map(|one| texts.map(|other| [*one, other]));
        for [one, two] in pairs {
            for three in texts {
                let set = ScopeSet::parse(&[one, two, three].join(" "));
                let expected = ScopeSet::from_tokens([three, one, two]);
                assert_eq!(set, expected, "{one:?} {two:?} {three:?}");
            }
        }
    }

    #[test]
    fn array_items_are_not_split() {
        assert!(ScopeSet::from_tokens(["a b", "c"]).iter().eq(["c"]));
    }

    #[test]
    fn empty_list_grants_nothing() {
        assert!(ScopeSet::parse("").is_empty());
        assert!(ScopeSet::parse("   ").is_empty());
        assert!(!ScopeSet::default().contains(""));
    }

    #[test]
    fn repeated_scopes_count_once() {
        assert_eq!(ScopeSet::parse("b a b a").as_str(), "a b");
    }
}
