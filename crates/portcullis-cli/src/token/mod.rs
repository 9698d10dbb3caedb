//! `portcullis token inspect|fetch|revoke`

mod fetch;
mod input;
mod inspect;
mod refusal;
mod revoke;

use clap::Subcommand;

use crate::Outcome;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Read a token from standard input, show what is in it, and say whether it would be accepted and why not.
    ///
    /// Without --issuer nothing is verified. The status is 0 when the token would be accepted, or when nothing was
    /// to be verified and the token is well-formed; otherwise 1.
    Inspect(Box<inspect::Inspect>),
    /// Get a token by client credentials. It is printed on stdout, alone.
    ///
    /// The status is 0 when it was obtained, 1 when not, 2 when the call is wrong.
    Fetch(Box<fetch::Fetch>),
    /// Read a token from standard input, and have the server revoke it.
    ///
    /// The status is 0 when the server confirmed it, also of a token that it does not know; 1 when not, 2 when the call
    /// is wrong.
    Revoke(Box<revoke::Revoke>),
}

pub(crate) fn run(command: TokenCommand) -> Outcome {
    match command {
        TokenCommand::Inspect(inspect) => inspect::run(&inspect),
        TokenCommand::Fetch(fetch) => fetch::run(&fetch),
        TokenCommand::Revoke(revoke) => revoke::run(&revoke),
    }
}
