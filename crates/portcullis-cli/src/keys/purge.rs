//! `portcullis keys purge`

use std::{process::ExitCode, time::Duration};

use clap::Args;
use portcullis_core::clock::{Clock, SystemClock};
use serde_json::json;

use super::{
    notes::{failed, keys},
    store::{Missing, StoreArgs},
};
use crate::{
    output::{self, Outcome},
    values,
};

#[derive(Args, Debug)]
pub(crate) struct Purge {
    #[command(flatten)]
    store: StoreArgs,
    /// How long ago the keys were revoked or expired at least, such as 90d.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    ended_before: Duration,
    /// Print the number of removed keys as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(purge: Purge) -> Outcome {
    let store = purge.store.open(Missing::Rejected).await?;
    store.warn_of_other_links();
    let before = SystemClock.now().saturating_sub(purge.ended_before);
    let removed = store.manager.purge(before).await.map_err(failed)?;
    output::note(format_args!("removed {}.", keys(removed)));
    if purge.json {
        let value = json!({ "removed": removed });
        output::line(format_args!("{}", output::pretty(&value)))?;
    }
    Ok(ExitCode::SUCCESS)
}
