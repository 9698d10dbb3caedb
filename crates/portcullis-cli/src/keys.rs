//! `portcullis keys create|list|revoke|rotate`

use std::{
    error::Error,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Subcommand;
use portcullis_api_key::{
    ApiKey, ApiKeyId, DEFAULT_ROTATION_GRACE, IssuedKey, KeyError, KeyFile, KeyFileError,
    KeyPrefix, KeyRecord, NewKey, to_rfc3339,
};
use portcullis_core::{
    ScopeSet,
    clock::{Clock, SystemClock, UnixTime},
    log::escape,
};
use serde_json::{Value, json};

use crate::{
    misuse::misuse,
    output::{self, Outcome},
    values,
};

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Create a key. The key is the only output on stdout, and cannot be shown again.
    ///
    /// The key expires after 365 days by default.
    Create {
        /// The key file, which is created if it does not exist.
        #[arg(long, value_name = "FILE")]
        store: PathBuf,
        /// Whom the key is for.
        #[arg(long)]
        owner: String,
        /// The granted scopes, separated by spaces.
        #[arg(long, default_value = "", value_parser = values::granted_scopes, hide_default_value = true)]
        scopes: ScopeSet,
        /// The prefix of the key.
        #[arg(long, default_value_t, value_parser = prefix)]
        prefix: KeyPrefix,
        /// The lifetime of the key: a whole number and s, m, h or d, such as 90d.
        #[arg(long, value_name = "DURATION", value_parser = values::duration)]
        expires_in: Option<Duration>,
        /// Create a key that does not expire.
        #[arg(long, conflicts_with = "expires_in")]
        no_expiry: bool,
    },
    /// List the keys of a file. The file does not contain the keys themselves.
    List {
        /// The key file.
        #[arg(long, value_name = "FILE")]
        store: PathBuf,
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key. Running services reject it within 5 s.
    Revoke {
        /// The key file.
        #[arg(long, value_name = "FILE")]
        store: PathBuf,
        /// The id of the key: its middle part.
        id: String,
    },
    /// Replace a key by a new one with the same owner and scopes. The new key is the only output on stdout, and cannot be shown
    /// again.
    Rotate {
        /// The key file.
        #[arg(long, value_name = "FILE")]
        store: PathBuf,
        /// The id of the key to replace: its middle part.
        id: String,
        /// How long the old key still works if it does not expire earlier; 72h by default.
        #[arg(long, value_name = "DURATION", value_parser = values::duration)]
        grace: Option<Duration>,
    },
}

pub(crate) fn run(command: KeysCommand) -> Outcome {
    match command {
        KeysCommand::Create {
            store,
            owner,
            scopes,
            prefix,
            expires_in,
            no_expiry,
        } => {
            let new = NewKey::new(owner).scopes(scopes).prefix(prefix);
            let new = match expires_in {
                Some(lifetime) => new.expires_in(lifetime),
                None if no_expiry => new.never_expires(),
                None => new,
            };
            create(&store, new)
        }
        KeysCommand::List { store, json } => list(&store, json),
        KeysCommand::Revoke { store, id } => revoke(&store, &id),
        KeysCommand::Rotate { store, id, grace } => {
            rotate(&store, &id, grace.unwrap_or(DEFAULT_ROTATION_GRACE))
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

type Done = Result<(), Box<dyn Error>>;

fn create(path: &Path, new: NewKey) -> Done {
    output::require_stdout()?;
    note_other_links(path);
    let before = fs::metadata(path);
    let created = KeyFile::at(path).create(new);
    let issued = created.map_err(|error| match error {
        KeyFileError::Key(KeyError::Owner | KeyError::Lifetime) => misuse(error),
        error => error.into(),
    })?;
    hand_over(&issued)?;
    let record = issued.record();
    let shown = path.display();
    match before {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            output::note(format_args!("created the new API key file {shown}"));
        }
        Ok(found) if found.len() == 0 => output::note(format_args!(
            "warning: the API key file {shown} was empty and has only this key now: if it had other keys before, restore it from a backup"
        )),
        _ => {}
    }
    if record.scopes.is_empty() {
        output::note(format_args!(
            "warning: the key {} grants no scopes: to grant some, revoke it and create one with --scopes",
            record.id
        ));
    }
    output::note(format_args!(
        "key {} for {}, {}. The key is not shown again. Running services accept it within 5 s.",
        record.id,
        escape(&record.owner),
        expiry(record)
    ));
    Ok(())
}

fn rotate(path: &Path, id: &str, grace: Duration) -> Done {
    let id = parse_id(id)?;
    output::require_stdout()?;
    let file = KeyFile::at(path);
    note_other_links(path);
    let issued = file.rotate(&id, grace)?;
    hand_over(&issued)?;
    output::note(format_args!(
        "key {} replaces {id} and {}. The new key is not shown again. Use it in 5 s at the earliest: until then running \
         services may reject it.",
        issued.key().id(),
        expiry(issued.record())
    ));
    if let Some(old) = file.list()?.iter().find(|record| record.id == id) {
        output::note(format_args!("key {id} {}.", expiry(old)));
    }
    Ok(())
}

fn hand_over(issued: &IssuedKey) -> Done {
    output::secret(issued.key().expose()).map_err(|error| {
        let id = issued.key().id();
        format!("API key {id} was created but could not be printed ({error}): replace it with `portcullis keys rotate --grace 1s`").into()
    })
}

fn note_other_links(path: &Path) {
    if fs::metadata(path).is_ok_and(|found| portcullis_file::has_other_links(&found)) {
        output::note(format_args!(
            "warning: the API key file {} has other hard links, which keep the old keys, also revoked ones: have services read this path",
            path.display()
        ));
    }
}

fn revoke(path: &Path, id: &str) -> Done {
    note_other_links(path);
    let record = KeyFile::at(path).revoke(&parse_id(id)?)?;
    let at = record.revoked_at.map_or_else(String::new, to_rfc3339);
    output::note(format_args!(
        "key {} for {} was revoked at {at}.",
        record.id,
        escape(&record.owner)
    ));
    Ok(())
}

fn list(path: &Path, json: bool) -> Done {
    let records = KeyFile::at(path).list()?;
    let now = SystemClock.now();
    let text = if json {
        let array = records.iter().map(|record| to_json(record, now)).collect();
        output::pretty(&Value::Array(array))
    } else {
        table(&records, now)
    };
    Ok(output::line(format_args!("{text}"))?)
}

fn to_json(record: &KeyRecord, now: UnixTime) -> Value {
    json!({
        "id": record.id.as_str(),
        "prefix": record.prefix.as_str(),
        "owner": &*record.owner,
        "scopes": &record.scopes,
        "state": state(record, now),
        "created_at": to_rfc3339(record.created_at),
        "expires_at": record.expires_at.map(to_rfc3339),
        "revoked_at": record.revoked_at.map(to_rfc3339),
        "successor": record.successor.as_ref().map(ApiKeyId::as_str),
        "revision": record.revision,
    })
}

fn table(records: &[KeyRecord], now: UnixTime) -> String {
    const HEAD: [&str; 6] = ["ID", "STATE", "OWNER", "CREATED", "EXPIRES", "SCOPES"];
    let row = |record: &KeyRecord| {
        [
            record.id.to_string(),
            match &record.successor {
                Some(new) => format!("{}, rotated -> {new}", state(record, now)),
                None => state(record, now).to_owned(),
            },
            escape(&record.owner),
            day(record.created_at),
            record.expires_at.map_or("never".to_owned(), day),
            record.scopes.to_string(),
        ]
    };
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(records.iter().map(row));
    let mut lines = vec![String::new(); rows.len()];
    for column in 0..HEAD.len() {
        let width = rows.iter().map(|row| row[column].len()).max();
        let width = width.unwrap_or_default() + 2;
        for (line, row) in lines.iter_mut().zip(&rows) {
            line.push_str(&format!("{:width$}", row[column]));
        }
    }
    let lines: Vec<_> = lines.iter().map(|line| line.trim_end()).collect();
    lines.join("\n")
}

fn state(record: &KeyRecord, now: UnixTime) -> &'static str {
    if record.revoked_at.is_some() {
        "revoked"
    } else if record.is_expired(now) {
        "expired"
    } else {
        "active"
    }
}

fn expiry(record: &KeyRecord) -> String {
    match record.expires_at {
        Some(at) => format!("expires at {}", to_rfc3339(at)),
        None => "never expires".to_owned(),
    }
}

fn day(time: UnixTime) -> String {
    to_rfc3339(time).chars().take("2026-01-31".len()).collect()
}

fn prefix(text: &str) -> Result<KeyPrefix, String> {
    KeyPrefix::new(text).map_err(|error| error.problem().to_owned())
}

/// Not parsed by clap, whose errors repeat the value: it may be a whole key.
fn parse_id(text: &str) -> Result<ApiKeyId, Box<dyn Error>> {
    text.parse().map_err(|error| match ApiKey::parse(text) {
        Ok(key) => misuse(format!(
            "ID: this is a whole API key, which must not be in a command line: give its id {} instead, and rotate the key, as the \
             history of the shell may have it",
            key.id()
        )),
        Err(_) => misuse(format!("ID: {error}")),
    })
}
