//! Calls that are wrong.

use std::{convert::Infallible, error::Error, ffi::OsStr, fmt};

use clap::{Arg, Command, builder::TypedValueParser, error::ErrorKind};

/// The call itself is wrong, as opposed to what it met with. The status is 2.
#[derive(Debug)]
pub(crate) struct Misuse(String);

impl Misuse {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Misuse {}

/// Takes no value at all and says why, for arguments that may hold a secret: clap would repeat those it does not know.
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
