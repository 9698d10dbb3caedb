//! Wrong arguments.

use std::{convert::Infallible, ffi::OsStr};

use clap::{Arg, Command, builder::TypedValueParser, error::ErrorKind};

/// Wrong arguments: exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Misuse(String);

impl Misuse {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}

/// Rejects any value with this reason, for arguments that may be a secret: clap's own errors repeat the value.
#[derive(Clone, Copy)]
pub(crate) struct Refuse(pub(crate) &'static str);

impl TypedValueParser for Refuse {
    type Value = Infallible;

    fn parse_ref(
        &self,
        command: &Command,
        _: Option<&Arg>,
        _: &OsStr,
    ) -> Result<Infallible, clap::Error> {
        let message = format!("{}\n", self.0);
        Err(clap::Error::raw(ErrorKind::InvalidValue, message).with_cmd(command))
    }
}
