//! `portcullis keys show`

use std::process::ExitCode;

use clap::Args;
use portcullis_api_key::KeyError;
use portcullis_core::clock::{Clock, SystemClock};

use super::{
    identify::{self, Standing},
    notes::{failed, parse_id},
    record::{describe, to_json},
    store::{Missing, StoreArgs},
};
use crate::output::{self, Outcome};

#[derive(Args, Debug)]
pub(crate) struct Show {
    #[command(flatten)]
    store: StoreArgs,
    /// The id of the key: its middle part.
    #[arg(required_unless_present = "stdin")]
    id: Option<String>,
    /// Read a whole key, such as one that a scanner found, from standard input, and say which it is and whether it is live.
    ///
    /// The exit status is 1 if the store does not have this key.
    #[arg(long, conflicts_with = "id")]
    stdin: bool,
    /// Print JSON. With --stdin, `live` says whether the key can be used.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(show: Show) -> Outcome {
    let now = SystemClock.now();
    let (record, standing) = match &show.id {
        Some(id) => {
            let id = parse_id(id)?;
            let store = show.store.open(Missing::Rejected).await?;
            let record = store.manager.get(&id).await.map_err(failed)?;
            (record.ok_or(KeyError::NotFound(id))?, None)
        }
        None => {
            let text = identify::read_stdin()?;
            let store = show.store.open(Missing::Rejected).await?;
            let standing = identify::identify(&store, &text).await?.standing(now);
            let record = standing.held()?;
            (record, Some(standing))
        }
    };
    if show.json {
        let mut value = to_json(&record, now);
        if let Some(standing) = &standing {
            value["live"] = matches!(standing, Standing::Live(_)).into();
        }
        output::line(format_args!("{}", output::pretty(&value)))?;
    } else {
        output::line(format_args!("{}", describe(&record, now)))?;
    }
    if let Some(standing) = standing {
        output::note(format_args!("{standing}"));
    }
    Ok(ExitCode::SUCCESS)
}
