//! The store of API keys, as the command line configures it.

use std::{env, error::Error, path::Path, sync::Arc};

use portcullis::{
    Secret,
    api_key::{ApiKeys, ApiKeysBuilder, CachedStore, FileStore, KeyFile, KeyManager},
    redis::{RedisBus, RedisLimiter, RedisServer},
    sql::SqlStore,
};

use crate::{
    args::Args,
    key_place::{KeyPlace, has_password},
};

/// The largest password file that is read.
const MAX_PASSWORD_BYTES: u64 = 4 * 1024;

const STORE_PASSWORD: &str = "PORTCULLIS_STORE_PASSWORD";
const REDIS_PASSWORD: &str = "PORTCULLIS_REDIS_PASSWORD";

/// The store of the accepted keys. Clones share it.
#[derive(Clone)]
pub(crate) enum KeySource {
    /// A watched file.
    File(FileStore),
    /// A cache before a database.
    Cache(CachedStore),
}

/// The accepted keys, and what manages them.
pub(crate) struct OpenKeys {
    /// Configures the scheme over the store.
    pub(crate) scheme: ApiKeysBuilder,
    pub(crate) source: KeySource,
    pub(crate) manager: Arc<dyn KeyManager>,
}

impl OpenKeys {
    pub(crate) async fn open(place: &KeyPlace, args: &Args) -> Result<Self, Box<dyn Error>> {
        let redis = args.redis.as_deref().map(|url| redis(url, args));
        let redis = redis.transpose()?;
        let mut keys = match place {
            KeyPlace::File(path) => {
                let store = FileStore::watch(path).await?;
                Self {
                    scheme: ApiKeys::builder(store.clone()),
                    source: KeySource::File(store),
                    manager: Arc::new(KeyFile::at(path)),
                }
            }
            KeyPlace::Database(url) => {
                let database = connect(url, args).await?;
                let store = cache(&database, redis.as_ref(), args).await?;
                Self {
                    scheme: ApiKeys::builder(store.clone()),
                    source: KeySource::Cache(store.clone()),
                    manager: Arc::new(store.manage(database)),
                }
            }
        };
        if let Some(server) = redis {
            let limiter = RedisLimiter::builder(server).instances(args.instances);
            keys.scheme = keys.scheme.limiter(limiter.start().await?);
        }
        if args.foreign_api_keys {
            keys.scheme = keys.scheme.accept_foreign_keys();
        }
        Ok(keys)
    }
}

fn redis(url: &str, args: &Args) -> Result<RedisServer, Box<dyn Error>> {
    let server = RedisServer::at(url).map_err(|error| format!("--redis: {error}"))?;
    let file = args.redis_password_file.as_deref();
    match password("--redis-password-file", file, REDIS_PASSWORD)? {
        Some(password) => Ok(server.password(password)?),
        None => Ok(server),
    }
}

/// Connects to the database, and creates its tables if they are missing.
async fn connect(url: &str, args: &Args) -> Result<SqlStore, Box<dyn Error>> {
    if has_password(url) {
        return Err(format!(
            "--api-keys: the URL has a password, which every user of this machine can see: change it, and give it in \
             {STORE_PASSWORD} or --store-password-file"
        )
        .into());
    }
    let mut builder = SqlStore::builder(url).migrate(true);
    // SQLite has no password.
    if !url.starts_with("sqlite:") {
        let file = args.store_password_file.as_deref();
        if let Some(password) = password("--store-password-file", file, STORE_PASSWORD)? {
            builder = builder.password(password);
        }
    }
    Ok(builder.connect().await?)
}

/// Reads a password from the file of an option, or else from an environment variable.
fn password(
    option: &str,
    file: Option<&Path>,
    variable: &str,
) -> Result<Option<Secret>, Box<dyn Error>> {
    let Some(path) = file else {
        let password = env::var_os(variable).filter(|password| !password.is_empty());
        return Ok(password.map(|password| Secret::new(password.into_encoded_bytes())));
    };
    let read = portcullis_file::read(path, MAX_PASSWORD_BYTES);
    let contents = read.map_err(|error| format!("{option} {}: {error}", path.display()))?;
    Ok(Some(Secret::new(contents.bytes().trim_ascii_end())))
}

async fn cache(
    database: &SqlStore,
    redis: Option<&RedisServer>,
    args: &Args,
) -> Result<CachedStore, Box<dyn Error>> {
    let mut builder = CachedStore::builder(database.clone());
    if let Some(bound) = args.key_reachable_bound {
        builder = builder.reachable_bound(bound);
    }
    if let Some(bound) = args.key_unreachable_bound {
        builder = builder.unreachable_bound(bound);
    }
    if args.no_key_bus {
        tracing::info!("changes of API keys are seen by polling alone, as --no-key-bus says");
    } else if let Some(server) = redis {
        builder = builder.bus(RedisBus::new(server)?);
    } else if let Some(bus) = database.bus() {
        builder = builder.bus(bus);
    }
    Ok(builder.start().await?)
}
