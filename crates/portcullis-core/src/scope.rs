//! Scopes: what a caller may do, as RFC 6749 §3.3 writes it.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Serialize, Serializer};
use smallvec::SmallVec;

/// One scope: a non-empty run of printable ASCII other than space, `"` and `\` (RFC 6749 §3.3 `scope-token`).
///
/// ```
/// use portcullis_core::Scope;
///
/// const READ: Scope = Scope::from_static("orders:read"); // checked by the compiler
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
    /// When `text` is no scope-token. In a `const`, that is a compile error.
    #[must_use]
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
    /// When `text` is no scope-token.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        if is_scope_token(text) {
            Ok(Self(Cow::Owned(text.to_owned())))
        } else {
            Err(InvalidScope)
        }
    }

    /// The scope's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for Scope {
    type Error = InvalidScope;

    fn try_from(text: &str) -> Result<Self, InvalidScope> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Scope {
    type Error = InvalidScope;

    fn try_from(text: String) -> Result<Self, InvalidScope> {
        if is_scope_token(&text) {
            Ok(Self(Cow::Owned(text)))
        } else {
            Err(InvalidScope)
        }
    }
}

/// Text that is no RFC 6749 scope-token.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a scope: one or more printable ASCII characters other than space, `\"` and `\\` are needed"
)]
#[non_exhaustive]
pub struct InvalidScope;

impl std::fmt::Debug for InvalidScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        crate::debug_as_report(self, f)
    }
}

/// The scopes a caller was granted: sorted, each once.
///
/// A piece that is no scope-token grants nothing, and does not spoil the rest: an issuer's odd value must not lock a
/// caller out of what it was plainly granted.
///
/// ```
/// use portcullis_core::ScopeSet;
///
/// let granted = ScopeSet::parse("orders:write orders:read \"odd\"");
/// assert!(granted.contains("orders:read"));
/// assert!(!granted.contains("orders"));
/// assert_eq!(granted.to_string(), "orders:read orders:write");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct ScopeSet {
    /// The scopes in order, one space between two.
    text: Box<str>,
    /// Where in `text` each scope ends.
    ends: SmallVec<[u32; 8]>,
}

impl ScopeSet {
    /// The scopes of a space-separated list. Only U+0020 separates.
    #[must_use]
    pub fn parse(list: &str) -> Self {
        if let Some(set) = Self::as_it_is(list) {
            return set;
        }
        let mut tokens = Tokens::new();
        let mut start = 0;
        for (at, byte) in list.bytes().enumerate() {
            if byte == b' ' {
                tokens.push(&list[start..at]);
                start = at + 1;
            }
        }
        tokens.push(&list[start..]);
        Self::of(tokens)
    }

    /// A list that is in order already, as it would be written here.
    fn as_it_is(list: &str) -> Option<Self> {
        u32::try_from(list.len()).ok()?;
        let (mut start, mut before) = (0, "");
        let mut ends = SmallVec::new();
        for token in list.split(' ') {
            // The empty one stands before all others.
            if token <= before || !is_scope_token(token) {
                return None;
            }
            let end = start + token.len();
            ends.push(end as u32);
            (start, before) = (end + 1, token);
        }
        // Few lie in place; where there are more, no room is kept that nobody needs.
        ends.shrink_to_fit();
        Some(Self {
            text: list.into(),
            ends,
        })
    }

    /// The scopes of a list that is already in pieces, such as a JSON array. A piece is one scope or nothing: it is
    /// not split further.
    #[must_use]
    pub fn from_tokens<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Self {
        Self::of(tokens.into_iter().collect())
    }

    fn of(mut tokens: Tokens<'_>) -> Self {
        tokens.retain(|token| is_scope_token(token));
        if !tokens.is_sorted_by(|one, next| one < next) {
            tokens.sort_unstable();
            tokens.dedup();
        }
        let length = tokens
            .iter()
            .map(|token| token.len() + 1)
            .sum::<usize>()
            .saturating_sub(1);
        if u32::try_from(length).is_err() {
            return Self::default();
        }
        let mut text = String::with_capacity(length);
        let mut ends = SmallVec::with_capacity(tokens.len());
        for token in tokens {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(token);
            ends.push(text.len() as u32);
        }
        Self {
            text: text.into(),
            ends,
        }
    }

    /// Whether `scope` was granted. Scopes are compared octet by octet.
    #[must_use]
    pub fn contains(&self, scope: impl AsRef<str>) -> bool {
        /// So many are compared one by one: most differ in length already.
        const FEW: usize = 8;

        let scope = scope.as_ref();
        let (mut low, mut high) = (0, self.ends.len());
        while high - low > FEW {
            let middle = low + (high - low) / 2;
            if self.get(middle) <= scope {
                low = middle;
            } else {
                high = middle;
            }
        }
        (low..high).any(|index| self.get(index) == scope)
    }

    /// The scopes, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + '_ {
        (0..self.ends.len()).map(|index| self.get(index))
    }

    /// How many scopes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether nothing was granted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The scopes as one space-separated list.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn get(&self, index: usize) -> &str {
        let start = if index == 0 {
            0
        } else {
            self.ends[index - 1] as usize + 1
        };
        &self.text[start..self.ends[index] as usize]
    }
}

/// Pieces of a list, each a scope or nothing.
type Tokens<'a> = SmallVec<[&'a str; 16]>;

impl AsRef<str> for Scope {
    fn as_ref(&self) -> &str {
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
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
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
    fn membership_is_whole_and_case_sensitive() {
        let set = ScopeSet::parse("orders:read orders:read:all b a");
        for held in ["orders:read", "orders:read:all", "a", "b"] {
            assert!(set.contains(held), "{held}");
        }
        for not_held in [
            "orders",
            "orders:",
            "Orders:read",
            "orders:read:",
            "a b",
            "",
            " ",
            "c",
        ] {
            assert!(!set.contains(not_held), "{not_held}");
        }
    }

    #[test]
    fn each_of_many_is_found_and_nothing_between_them() {
        for count in 0..40 {
            let scope = |number: usize| format!("orders:{number:02}");
            let list: Vec<_> = (0..count).map(|number| scope(2 * number)).collect();
            let set = ScopeSet::parse(&list.join(" "));
            assert_eq!(set.len(), count);
            for number in 0..80 {
                let expected = number % 2 == 0 && number / 2 < count;
                assert_eq!(set.contains(scope(number)), expected, "{number} of {count}");
                assert!(!set.contains(&scope(number)[..8]), "{number} of {count}");
            }
        }
    }

    #[test]
    fn a_list_means_the_same_in_any_order() {
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
    fn an_empty_list_grants_nothing() {
        assert!(ScopeSet::parse("").is_empty());
        assert!(ScopeSet::parse("   ").is_empty());
        assert!(!ScopeSet::default().contains(""));
    }

    #[test]
    fn doubled_scopes_count_once() {
        assert_eq!(ScopeSet::parse("b a b a").as_str(), "a b");
    }
}
