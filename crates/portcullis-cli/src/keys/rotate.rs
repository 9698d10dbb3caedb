//! `portcullis keys rotate`

use std::{process::ExitCode, time::Duration};

use clap::Args;
use portcullis_api_key::DEFAULT_ROTATION_GRACE;
use portcullis_core::clock::{Clock, SystemClock};

use super::{
    notes::{expiry, failed, hand_over, parse_id},
    record::to_json,
    store::{Missing, StoreArgs},
};
use crate::{
    output::{self, Outcome},
    values,
};

#[derive(Args, Debug)]
pub(crate) struct Rotate {
    #[command(flatten)]
    store: StoreArgs,
    /// The id of the key to replace: its middle part.
    id: String,
    /// How long the old key still works if it does not expire earlier; 72h by default.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    grace: Option<Duration>,
    /// Print JSON: the new key as `key`, and its record.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(rotate: Rotate) -> Outcome {
    let id = parse_id(&rotate.id)?;
    output::require_stdout()?;
    let store = rotate.store.open(Missing::Rejected).await?;
    store.warn_of_other_links();
    let grace = rotate.grace.unwrap_or(DEFAULT_ROTATION_GRACE);
    let issued = store.manager.rotate(&id, grace).await.map_err(failed)?;
    let json = rotate
        .json
        .then(|| to_json(issued.record(), SystemClock.now()));
    hand_over(&issued, json)?;
    output::note(format_args!(
        "key {} replaces {id} and {}. The new key is not shown again. Use it in 5 s at the earliest: until then running \
         services may reject it.",
        issued.key().id(),
        expiry(issued.record())
    ));
    if let Some(old) = store.manager.get(&id).await.map_err(failed)? {
        output::note(format_args!("key {id} {}.", expiry(&old)));
    }
    Ok(ExitCode::SUCCESS)
}
