//! Mistakes in wiring, found when a part is built.

use std::borrow::Cow;

/// A configuration that cannot be used: which setting, what is wrong with it, and what to do.
///
/// These are the operator's mistakes, reported before the first request. What a caller does wrong is a
/// [`Failure`](crate::Failure).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{setting}`: {problem}")]
pub struct ConfigError {
    setting: &'static str,
    problem: Cow<'static, str>,
}

impl ConfigError {
    /// Says what is wrong with `setting`, and in `problem` also what to do about it.
    pub fn new(setting: &'static str, problem: impl Into<Cow<'static, str>>) -> Self {
        Self {
            setting,
            problem: problem.into(),
        }
    }

    /// The setting at fault, by the name of the method that sets it.
    #[must_use]
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// What is wrong, and the fix.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}
