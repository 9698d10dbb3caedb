//! `portcullis keys revoke`

use std::process::ExitCode;

use clap::Args;
use portcullis_core::clock::{Clock, SystemClock};

use super::{
    identify::{self, Standing},
    notes::{failed, parse_id, revoked},
    record::to_json,
    store::{Missing, StoreArgs},
};
use crate::output::{self, Outcome};

#[derive(Args, Debug)]
pub(crate) struct Revoke {
    #[command(flatten)]
    store: StoreArgs,
    /// The id of the key: its middle part.
    #[arg(required_unless_present = "stdin")]
    id: Option<String>,
    /// Read a whole key that leaked from standard input, say which it is and whether it is live, and revoke it.
    ///
    /// A key is revoked only if the text has its secret.
    #[arg(long, conflicts_with = "id")]
    stdin: bool,
    /// Why the key is revoked, for the record.
    #[arg(long)]
    reason: Option<String>,
    /// Print the record as JSON. With --stdin, `was_live` says whether the key could be used before.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(revoke: Revoke) -> Outcome {
    let now = SystemClock.now();
    let (store, id, standing) = match &revoke.id {
        Some(id) => {
            let id = parse_id(id)?;
            (revoke.store.open(Missing::Rejected).await?, id, None)
        }
        None => {
            let text = identify::read_stdin()?;
            let store = revoke.store.open(Missing::Rejected).await?;
            let standing = identify::identify(&store, &text).await?.standing(now);
            let id = standing
                .held()
                .map_err(|problem| format!("no key was revoked: {problem}"))?
                .id;
            output::note(format_args!("{standing}."));
            (store, id, Some(standing))
        }
    };
    store.warn_of_other_links();
    let reason = revoke.reason.as_deref();
    let record = store.manager.revoke(&id, reason).await.map_err(failed)?;
    revoked(&record);
    if revoke.json {
        let mut value = to_json(&record, now);
        if let Some(standing) = standing {
            value["was_live"] = matches!(standing, Standing::Live(_)).into();
        }
        output::line(format_args!("{}", output::pretty(&value)))?;
    }
    Ok(ExitCode::SUCCESS)
}
