//! Wrong arguments.

use std::{error::Error, fmt::Display};

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// An error of clap, for which `main` exits with 2.
pub(crate) fn misuse(problem: impl Display) -> Box<dyn Error> {
    clap::Error::raw(ErrorKind::ValueValidation, format!("{problem}\n")).into()
}

/// Replaces clap's error for an unexpected argument or value, because it repeats what it names, which may be a secret.
pub(crate) fn without_secret(error: clap::Error) -> clap::Error {
    let kind = error.kind();
    let option = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(option)) => option,
        _ => "",
    };
    let suggested = match kind {
        ErrorKind::UnknownArgument => ContextKind::SuggestedArg,
        ErrorKind::InvalidSubcommand => ContextKind::SuggestedSubcommand,
        // A value of an option that takes none.
        ErrorKind::TooManyValues => ContextKind::InvalidArg,
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let reason = match (error.source(), error.get(ContextKind::ValidValue)) {
                (Some(reason), _) => reason.to_string(),
                (None, Some(values)) if !values.to_string().is_empty() => {
                    format!("give one of {values}")
                }
                _ => "give a value".to_owned(),
            };
            return clap::Error::raw(kind, format!("{option}: {reason}\n"));
        }
        _ => return error,
    };
    let problem = match option {
        "--client-secret" => {
            "every user of this machine can see a secret in the command line: put it in a file, and give \
             --client-secret-file FILE"
                .to_owned()
        }
        "--token" => {
            "every user of this machine can see an argument: give the token on standard input".to_owned()
        }
        _ => {
            let hint = match error.get(suggested) {
                Some(name) => format!(" (did you mean {name}?)"),
                None => String::new(),
            };
            format!(
                "unexpected argument, which may be a secret and is not shown{hint}: tokens are read from standard input, and \
                 secrets from files: see --help"
            )
        }
    };
    clap::Error::raw(kind, format!("{problem}\n"))
}
