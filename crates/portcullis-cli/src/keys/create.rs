//! `portcullis keys create`

use std::{process::ExitCode, time::Duration};

use clap::Args;
use portcullis_api_key::{Created, KeyPrefix, Limit, Networks, NewKey};
use portcullis_core::{
    ScopeSet,
    clock::{Clock, SystemClock},
};

use super::{
    notes::{Before, expiry, failed, hand_over},
    record::{owner_and_name, to_json},
    store::{Missing, StoreArgs},
};
use crate::{
    misuse::misuse,
    output::{self, Outcome},
    values,
};

#[derive(Args, Debug)]
pub(crate) struct Create {
    #[command(flatten)]
    store: StoreArgs,
    /// Whom the key is for.
    #[arg(long)]
    owner: String,
    /// A name for people, such as the program that uses the key.
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,
    /// The granted scopes, separated by spaces.
    #[arg(long, default_value = "", value_parser = values::granted_scopes, hide_default_value = true)]
    scopes: ScopeSet,
    /// Tags for people and scripts, separated by commas.
    #[arg(long, value_delimiter = ',')]
    tags: Vec<String>,
    /// The networks from which the key may be used, such as 192.0.2.0/24, separated by commas. All, by default.
    #[arg(long, value_parser = values::networks)]
    networks: Option<Networks>,
    /// How many requests the key may make in a period, such as 100/60s. By default the limit of the service.
    #[arg(long, value_name = "REQUESTS/PERIOD", value_parser = values::limit)]
    limit: Option<Limit>,
    /// How many of these requests the key may make at once. All, by default.
    #[arg(long, value_name = "REQUESTS", requires = "limit")]
    burst: Option<u32>,
    /// The prefix of the key.
    #[arg(long, default_value_t, value_parser = values::key_prefix)]
    prefix: KeyPrefix,
    /// The lifetime of the key: a whole number and s, m, h or d, such as 90d.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    expires_in: Option<Duration>,
    /// Create a key that does not expire.
    #[arg(long, conflicts_with = "expires_in")]
    no_expiry: bool,
    /// Create or update the tables of a database first.
    #[arg(long)]
    migrate: bool,
    /// Print JSON: the key as `key`, and its record.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(create: Create) -> Outcome {
    let new = new_key(&create)?;
    output::require_stdout()?;
    let missing = match create.migrate {
        true => Missing::Migrated,
        false => Missing::Created,
    };
    let store = create.store.open(missing).await?;
    store.warn_of_other_links();
    let before = Before::of(&store);
    let issued = match store.manager.create(new).await.map_err(failed)? {
        Created::New(issued) => issued,
        Created::Before(record) => {
            return Err(format!("the API key {} was created before", record.id).into());
        }
    };
    let record = issued.record();
    let json = create.json.then(|| to_json(record, SystemClock.now()));
    hand_over(&issued, json)?;
    before.note(store.file.as_deref());
    if record.scopes.is_empty() {
        output::note(format_args!(
            "warning: the key {} grants no scopes: to grant some, revoke it and create one with --scopes",
            record.id
        ));
    }
    output::note(format_args!(
        "key {} for {}, {}. The key is not shown again. Running services accept it within 5 s.",
        record.id,
        owner_and_name(record),
        expiry(record)
    ));
    Ok(ExitCode::SUCCESS)
}

fn new_key(create: &Create) -> Result<NewKey, Box<dyn std::error::Error>> {
    let tags = create.tags.iter().map(|tag| tag.trim());
    let mut new = NewKey::new(&*create.owner)
        .name(&*create.name)
        .scopes(create.scopes.clone())
        .tags(tags)
        .prefix(create.prefix.clone());
    if let Some(networks) = &create.networks {
        new = new.networks(networks.clone());
    }
    if let Some(mut limit) = create.limit {
        if let Some(burst) = create.burst {
            let burst = limit.burst(burst);
            limit = burst.map_err(|error| misuse(format!("--burst: {}", error.problem())))?;
        }
        new = new.limit(limit);
    }
    Ok(match create.expires_in {
        Some(lifetime) => new.expires_in(lifetime),
        None if create.no_expiry => new.never_expires(),
        None => new,
    })
}
