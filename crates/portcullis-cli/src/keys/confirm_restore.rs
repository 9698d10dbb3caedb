//! `portcullis keys confirm-restore`

use std::process::ExitCode;

use clap::Args;
use portcullis_api_key::KeySource;
use serde_json::json;

use super::store::StoreArgs;
use crate::output::{self, Outcome};

#[derive(Args, Debug)]
pub(crate) struct ConfirmRestore {
    #[command(flatten)]
    store: StoreArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(confirm: ConfirmRestore) -> Outcome {
    let database = confirm.store.open_database(false).await?;
    database.confirm_restore().await?;
    let name = database.name();
    output::note(format_args!(
        "the restore of {name} is confirmed: running services load its keys anew."
    ));
    if confirm.json {
        let value = json!({ "store": name, "confirmed": true });
        output::line(format_args!("{}", output::pretty(&value)))?;
    }
    Ok(ExitCode::SUCCESS)
}
