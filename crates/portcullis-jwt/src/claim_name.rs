//! The names of claims, cut to what is compared at once.

use std::{borrow::Cow, fmt, ops::Deref};

/// What a claim is looked for by: text, or a [`ClaimName`] that was cut beforehand.
pub(crate) trait Named {
    fn text(&self) -> &str;
    fn brief(&self) -> Brief;
}

/// The name of a claim that a profile asks each token for.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ClaimName {
    text: Cow<'static, str>,
    brief: Brief,
}

impl ClaimName {
    pub(crate) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        let text = text.into();
        let brief = Brief::of(&text);
        Self { text, brief }
    }
}

impl Deref for ClaimName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl fmt::Debug for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl Named for ClaimName {
    #[inline]
    fn text(&self) -> &str {
        &self.text
    }

    #[inline]
    fn brief(&self) -> Brief {
        self.brief
    }
}

impl Named for str {
    #[inline]
    fn text(&self) -> &str {
        self
    }

    #[inline]
    fn brief(&self) -> Brief {
        Brief::of(self)
    }
}

/// A name's length, and eight of its letters. A token's claims are looked for some thirty times, by names that are mostly
/// as long as each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Brief {
    length: usize,
    letters: u64,
}

impl Brief {
    const LETTERS: usize = 8;

    /// Letters may be taken twice: with the length they tell a name of up to eight from any other all the same.
    #[inline]
    pub(crate) fn of(name: &str) -> Self {
        let bytes = name.as_bytes();
        let letters = match (bytes.first_chunk(), bytes.first_chunk(), bytes.last_chunk()) {
            (Some(first), _, _) => u64::from_le_bytes(*first),
            (_, Some(first), Some(last)) => {
                u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
            }
            _ => bytes
                .iter()
                .fold(0, |letters, letter| letters << 8 | u64::from(*letter)),
        };
        Self {
            length: name.len(),
            letters,
        }
    }

    /// Whether nothing was cut.
    #[inline]
    pub(crate) fn is_whole(self) -> bool {
        self.length <= Self::LETTERS
    }
}

/// Which names there may be. Most that are looked for are not there, and then are not compared with any.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NameFilter(u64);

impl NameFilter {
    #[inline]
    pub(crate) fn add(&mut self, name: Brief) {
        self.0 |= Self::bit(name);
    }

    #[inline]
    pub(crate) fn may_have(self, name: Brief) -> bool {
        self.0 & Self::bit(name) != 0
    }

    /// One of 64, spread by a multiplication (Knuth's, by the golden ratio).
    #[inline]
    fn bit(name: Brief) -> u64 {
        let mixed = (name.letters ^ name.length as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        1 << (mixed >> 58)
    }
}
