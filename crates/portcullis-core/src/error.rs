//! Errors of configuration.

use std::{borrow::Cow, error::Error, fmt};

/// A configuration that cannot be used: which setting, what is wrong with it, and what to do.
///
/// `Debug` prints the same as `Display`, for a `main` that returns it. A caller's mistake is a
/// [`Failure`](crate::scheme::Failure).
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{setting}`: {problem}")]
pub struct ConfigError {
    setting: &'static str,
    problem: Cow<'static, str>,
}

impl ConfigError {
    /// An error of `setting`. `problem` says what is wrong with it and what to do.
    pub fn new(setting: &'static str, problem: impl Into<Cow<'static, str>>) -> Self {
        Self {
            setting,
            problem: problem.into(),
        }
    }

    /// The name of the setting at fault: of the method that sets it, such as `audience`, or of the argument.
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// What is wrong, and what to do.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

crate::debug_as_report!(ConfigError);

/// Implements `Debug` for an error by [`debug_as_report()`], since Rust prints the error that a `main` returns by its `Debug`.
#[macro_export]
macro_rules! debug_as_report {
    ($error:ty) => {
        impl ::std::fmt::Debug for $error {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::debug_as_report(self, f)
            }
        }
    };
}

/// Writes an error with each cause on a line of its own.
///
/// # Errors
///
/// When `f` cannot be written to.
pub fn debug_as_report(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut written = error.to_string();
    f.write_str(&written)?;
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some messages repeat their cause.
        if !written.contains(&text) {
            write!(f, "\n  caused by: {text}")?;
            written = text;
        }
        cause = error.source();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        source: Option<Box<Link>>,
    }

    crate::debug_as_report!(Link);

    fn link(text: &'static str, source: Option<Link>) -> Link {
        Link {
            text,
            source: source.map(Box::new),
        }
    }

    #[test]
    fn debug_prints_the_message_and_each_cause_once() {
        let error = link(
            "a",
            Some(link("b: c", Some(link("c", Some(link("d", None)))))),
        );
        assert_eq!(format!("{error:?}"), "a\n  caused by: b: c\n  caused by: d");
        let error = ConfigError::new("header", "use another");
        assert_eq!(format!("{error:?}"), "`header`: use another");
    }
}
