//! `portcullis keys migrate`

use std::process::ExitCode;

use clap::Args;
use portcullis_api_key::KeySource;
use serde_json::json;

use super::store::StoreArgs;
use crate::output::{self, Outcome};

#[derive(Args, Debug)]
pub(crate) struct Migrate {
    #[command(flatten)]
    store: StoreArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(migrate: Migrate) -> Outcome {
    let database = migrate.store.open_database(true).await?;
    let name = database.name();
    output::note(format_args!("the tables of {name} are up to date."));
    if migrate.json {
        let value = json!({ "store": name, "migrated": true });
        output::line(format_args!("{}", output::pretty(&value)))?;
    }
    Ok(ExitCode::SUCCESS)
}
