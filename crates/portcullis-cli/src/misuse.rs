//! Wrong arguments.

use std::{error::Error, fmt::Display};

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// An error of clap, for which `main` exits with 2.
pub(crate) fn misuse(problem: impl Display) -> Box<dyn Error> {
    clap::Error::raw(ErrorKind::ValueValidation, format!("{problem}\n")).into()
}

/// Replaces clap's error for an unknown argument that may be a secret, because it repeats the argument.
pub(crate) fn without_secret(error: clap::Error) -> clap::Error {
    let (ErrorKind::UnknownArgument, Some(ContextValue::String(argument))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
    else {
        return error;
    };
    let problem = match &**argument {
        "--client-secret" => {
            "every user of this machine can see a secret in the command line: put it in a file, and give \
             --client-secret-file FILE"
        }
        "--token" => {
            "every user of this machine can see an argument: give the token on standard input"
        }
        name if name.starts_with("--") => return error,
        _ => {
            "unexpected argument, which may be a secret and is not shown: tokens are read from standard input, and secrets \
             from files: see --help"
        }
    };
    clap::Error::raw(ErrorKind::UnknownArgument, format!("{problem}\n"))
}
