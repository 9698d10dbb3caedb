//! `portcullis token inspect|fetch|revoke`

mod fetch;
mod input;
mod inspect;
mod refusal;
mod revoke;

use clap::Subcommand;

use crate::output::Outcome;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Read a token from standard input, print its content, and check whether it would be accepted.
    ///
    /// Without --issuer it is not verified. The exit status is 0 if the token would be accepted, or if it was not verified
    /// and is well-formed, 1 if not, 2 for wrong arguments.
    Inspect(Box<inspect::Inspect>),
    /// Get a token by client credentials. It is the only output on stdout.
    ///
    /// The exit status is 0 if it was obtained, 1 if not, 2 for wrong arguments.
    Fetch(Box<fetch::Fetch>),
    /// Read a token from standard input, and revoke it at the server.
    ///
    /// The exit status is 0 if the server confirmed it, even for an unknown token, 1 if not, 2 for wrong arguments.
    Revoke(Box<revoke::Revoke>),
}

pub(crate) async fn run(command: TokenCommand) -> Outcome {
    match command {
        TokenCommand::Inspect(inspect) => inspect::run(&inspect).await,
        TokenCommand::Fetch(fetch) => fetch::run(&fetch).await,
        TokenCommand::Revoke(revoke) => revoke::run(&revoke).await,
    }
}
