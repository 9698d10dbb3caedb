//! The `portcullis` command.
//!
//! Exit status: 0 when it did what was asked, 1 when it could not or the answer is no, 2 when the call is wrong.

mod client;
mod duration;
mod issuer;
mod jwks;
mod keys;
mod misuse;
mod output;
mod profile;
mod scopes;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// API keys in a file; tokens inspected, fetched and revoked; key sets checked.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version)]
struct Command {
    #[command(subcommand)]
    area: Area,
}

#[derive(Debug, Subcommand)]
enum Area {
    /// Create, list and revoke API keys in a file.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Look into access tokens, get them and have them revoked.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Look at an issuer's key set.
    #[command(subcommand)]
    Jwks(jwks::JwksCommand),
}

fn main() -> ExitCode {
    let outcome = match Command::parse().area {
        Area::Keys(command) => keys::run(command),
        Area::Token(command) => token::run(command),
        Area::Jwks(command) => jwks::run(command),
    };
    outcome.unwrap_or_else(|error| {
        output::error(&*error);
        if error.is::<misuse::Misuse>() {
            ExitCode::from(2)
        } else {
            ExitCode::FAILURE
        }
    })
}

/// How a command ends: with a status, or with an error that is printed on stderr.
type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;
