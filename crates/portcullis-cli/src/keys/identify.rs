//! Which key a text is that someone found, and whether it is live.

use std::{error::Error, fmt, io::stdin};

use portcullis_api_key::{ApiKey, ApiKeyId, KeyDigest, KeyRecord, KeyState};
use portcullis_core::{Secret, clock::UnixTime};

use super::{finder, notes::failed, peppers::PepperFile, record::owner_and_name, store::Store};

/// What the store knows of a text.
pub(super) struct Identified {
    record: Option<KeyRecord>,
    secret: Secrecy,
    id: Option<ApiKeyId>,
}

/// Whether the text is the key that its id names.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Secrecy {
    Same,
    Other,
    UnknownPepper(u32),
}

/// Whether a found key is live.
#[derive(Debug)]
pub(super) enum Standing {
    /// It can be used.
    Live(KeyRecord),
    /// It has expired or was revoked.
    Ended(KeyRecord, KeyState),
    /// The key that has its id has another secret.
    OtherSecret(KeyRecord),
    /// Its pepper is needed to tell.
    UnknownPepper(KeyRecord, u32),
    /// The store does not have it. A text without an id is not a key of ours.
    Unknown(Option<ApiKeyId>),
}

/// Reads the text. It may be a whole line, such as a header: the one key of ours in it counts.
pub(super) fn read_stdin() -> Result<Secret, Box<dyn Error>> {
    const MAX_BYTES: u64 = 64 * 1024;

    let input = portcullis_file::read_bounded(stdin(), MAX_BYTES)
        .map_err(|error| format!("standard input: {error}"))?;
    let text = std::str::from_utf8(&input)
        .map_err(|_| "standard input: it is not text (UTF-8): pipe in the key alone")?
        .trim();
    if text.is_empty() {
        return Err("standard input: it has no key: pipe one in, or use `< FILE`".into());
    }
    Ok(Secret::new(text))
}

pub(super) async fn identify(store: &Store, text: &Secret) -> Result<Identified, Box<dyn Error>> {
    let mut keys = finder::keys_in(text.expose());
    keys.dedup_by(|one, other| one.expose() == other.expose());
    match keys.as_slice() {
        [key] => identify_key(store, key).await,
        [] => identify_foreign(store, text.expose_str().unwrap_or_default()).await,
        _ => {
            Err("standard input: it has several keys: pipe them into `portcullis keys scan`".into())
        }
    }
}

/// Looks up a key of our format.
pub(super) async fn identify_key(
    store: &Store,
    key: &ApiKey,
) -> Result<Identified, Box<dyn Error>> {
    let record = store.manager.get(&key.id()).await.map_err(failed)?;
    let secret = match &record {
        Some(record) => compare(record, store.peppers.as_ref(), key),
        None => Secrecy::Other,
    };
    Ok(Identified {
        record,
        secret,
        id: Some(key.id()),
    })
}

/// Compares the digests. The caller has the key, so the time that this takes tells it nothing.
fn compare(record: &KeyRecord, peppers: Option<&PepperFile>, key: &ApiKey) -> Secrecy {
    let pepper = match record.digest.pepper_version() {
        None => None,
        Some(version) => match peppers.and_then(|peppers| peppers.only(version)) {
            None => return Secrecy::UnknownPepper(version),
            pepper => pepper,
        },
    };
    match KeyDigest::of(key, pepper.as_ref()) == record.digest {
        true => Secrecy::Same,
        false => Secrecy::Other,
    }
}

/// Looks up a key of another format, whose id is derived from its digest.
async fn identify_foreign(store: &Store, text: &str) -> Result<Identified, Box<dyn Error>> {
    let peppers = store.peppers.iter();
    let peppers = peppers.flat_map(|file| file.versions().filter_map(|version| file.only(version)));
    for pepper in std::iter::once(None).chain(peppers.map(Some)) {
        let digest = KeyDigest::of_text(text, pepper.as_ref());
        let id = ApiKeyId::of_foreign(&digest);
        let record = store.manager.get(&id).await.map_err(failed)?;
        if let Some(record) = record.filter(|record| record.digest == digest) {
            return Ok(Identified {
                record: Some(record),
                secret: Secrecy::Same,
                id: Some(id),
            });
        }
    }
    Ok(Identified {
        record: None,
        secret: Secrecy::Other,
        id: None,
    })
}

impl Identified {
    pub(super) fn standing(self, now: UnixTime) -> Standing {
        let Some(record) = self.record else {
            return Standing::Unknown(self.id);
        };
        match (self.secret, record.state(now)) {
            (Secrecy::Same, KeyState::Active) => Standing::Live(record),
            (Secrecy::Same, state) => Standing::Ended(record, state),
            (Secrecy::Other, _) => Standing::OtherSecret(record),
            (Secrecy::UnknownPepper(version), _) => Standing::UnknownPepper(record, version),
        }
    }
}

impl Standing {
    /// The record, if the store has this very key.
    pub(super) fn held(&self) -> Result<KeyRecord, String> {
        match self {
            Self::Live(record) | Self::Ended(record, _) => Ok(record.clone()),
            _ => Err(self.to_string()),
        }
    }

    /// For JSON.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Live(_) => "live",
            Self::Ended(_, state) => state.as_str(),
            Self::OtherSecret(_) => "other_secret",
            Self::UnknownPepper(..) => "unknown_pepper",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |record: &KeyRecord| format!("key {} for {}", record.id, owner_and_name(record));
        match self {
            Self::Live(record) => write!(f, "{} is live", of(record)),
            Self::Ended(record, state) => write!(f, "{} is {}", of(record), state.as_str()),
            Self::OtherSecret(record) => {
                write!(f, "not {}, which has another secret", of(record))
            }
            Self::UnknownPepper(record, version) => write!(
                f,
                "perhaps {}: give the pepper of version {version} with --peppers to check its secret",
                of(record)
            ),
            Self::Unknown(Some(id)) => write!(f, "the store has no API key with the id {id}"),
            Self::Unknown(None) => f.write_str(
                "the text is not an API key of this program, and the store has no foreign key like it (one with a pepper is \
                 found only with --peppers)",
            ),
        }
    }
}
