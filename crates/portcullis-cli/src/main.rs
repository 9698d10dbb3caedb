//! The `portcullis` command, for Unix.
//!
//! Exit status: 0 for success, 1 for a failure or a negative answer, 2 for wrong arguments. `keys scan` has its own for a failure.

mod client;
mod issuer;
mod jwks;
mod keys;
mod misuse;
mod output;
mod token;
mod values;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

use jwks::JwksCommand;
use output::Outcome;

/// API keys in a file or a database; tokens inspected, fetched and revoked; key sets checked.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version)]
struct Command {
    #[command(subcommand)]
    area: Area,
}

#[derive(Debug, Subcommand)]
enum Area {
    /// Create, list, rotate and revoke API keys, find leaked ones, and import others.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Inspect, fetch and revoke access tokens.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Check an issuer's key set.
    #[command(subcommand)]
    Jwks(JwksCommand),
}

fn main() -> ExitCode {
    let parsed = Command::try_parse().map_err(misuse::without_secret);
    let area = parsed.unwrap_or_else(|error| error.exit()).area;
    let runtime = Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(Into::into).and_then(|runtime| {
        let outcome = runtime.block_on(run(area));
        // Unlike `drop`, this does not wait for a DNS lookup in progress.
        runtime.shutdown_background();
        outcome
    });
    outcome.unwrap_or_else(|error| match error.downcast_ref::<clap::Error>() {
        Some(misuse) => misuse.exit(),
        None => {
            output::error(&*error);
            ExitCode::FAILURE
        }
    })
}

async fn run(area: Area) -> Outcome {
    match area {
        Area::Keys(command) => keys::run(command).await,
        Area::Token(command) => token::run(command).await,
        Area::Jwks(JwksCommand::Check(check)) => jwks::check(check).await,
    }
}
