//! Messages that several verbs have, and how their errors exit.

use std::{error::Error, fs, io::ErrorKind, path::Path};

use portcullis_api_key::{
    ApiKey, ApiKeyId, IssuedKey, KeyError, KeyRecord, ManageError, to_rfc3339,
};
use portcullis_core::Secret;
use serde_json::{Value, json};

use super::{record::owner_and_name, store::Store};
use crate::{misuse::misuse, output};

/// An error of a store. What it refuses about a value that was given is a wrong argument.
pub(super) fn failed(error: ManageError) -> Box<dyn Error> {
    match error {
        ManageError::Key(
            error @ (KeyError::Owner
            | KeyError::Name
            | KeyError::Tags
            | KeyError::Reason
            | KeyError::Lifetime),
        ) => misuse(error),
        error => error.into(),
    }
}

/// Not parsed by clap, whose errors repeat the value: it may be a whole key.
pub(super) fn parse_id(text: &str) -> Result<ApiKeyId, Box<dyn Error>> {
    text.parse().map_err(|error| match ApiKey::parse(text) {
        Ok(key) => misuse(format!(
            "ID: this is a whole API key, which must not be in a command line: give its id {} instead, and rotate the key, as the \
             history of the shell may have it",
            key.id()
        )),
        Err(_) => misuse(format!("ID: {error}")),
    })
}

/// Prints a new key, alone or with its record.
pub(super) fn hand_over(issued: &IssuedKey, json: Option<Value>) -> Result<(), Box<dyn Error>> {
    let text = match json {
        None => Secret::new(issued.key().expose()),
        Some(mut value) => {
            value["key"] = json!(issued.key().expose());
            Secret::new(output::pretty(&value))
        }
    };
    output::secret(text.expose_str().unwrap_or_default()).map_err(|error| {
        let id = issued.key().id();
        format!("API key {id} was created but could not be printed ({error}): replace it with `portcullis keys rotate --grace 1s`").into()
    })
}

/// `1 key` or `2 keys`.
pub(super) fn keys(count: u64) -> String {
    format!("{count} {}", if count == 1 { "key" } else { "keys" })
}

pub(super) fn expiry(record: &KeyRecord) -> String {
    match record.expires_at {
        Some(at) => format!("expires at {}", to_rfc3339(at)),
        None => "never expires".to_owned(),
    }
}

/// Says that a key was revoked, and when.
pub(super) fn revoked(record: &KeyRecord) {
    let at = record.revoked_at.map_or_else(String::new, to_rfc3339);
    output::note(format_args!(
        "key {} for {} was revoked at {at}.",
        record.id,
        owner_and_name(record)
    ));
}

impl Store {
    /// Warns that the other links of a key file will keep the old keys. Call this before a change.
    pub(super) fn warn_of_other_links(&self) {
        let Some(path) = &self.file else { return };
        if fs::metadata(path).is_ok_and(|found| portcullis_file::has_other_links(&found)) {
            output::note(format_args!(
                "warning: the API key file {} has other hard links, which keep the old keys, also revoked ones: have services read this path",
                path.display()
            ));
        }
    }
}

/// What a key file was before a change that may create it.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Before {
    Missing,
    Empty,
    Other,
}

impl Before {
    pub(super) fn of(store: &Store) -> Self {
        match store.file.as_ref().map(fs::metadata) {
            Some(Err(error)) if error.kind() == ErrorKind::NotFound => Self::Missing,
            Some(Ok(found)) if found.len() == 0 => Self::Empty,
            _ => Self::Other,
        }
    }

    pub(super) fn note(self, path: Option<&Path>) {
        let shown = path.unwrap_or(Path::new("")).display();
        match self {
            Self::Missing => output::note(format_args!("created the new API key file {shown}")),
            Self::Empty => output::note(format_args!(
                "warning: the API key file {shown} was empty and has only what was added now: if it had other keys before, restore it from a backup"
            )),
            Self::Other => {}
        }
    }
}
