//! API keys in SQLite or PostgreSQL.
//!
//! [`SqlStore`] keeps the records of keys: digests only, never a key. A `CachedStore` of `portcullis-api-key` in front of it
//! answers requests, and its [`KeyManager`](portcullis_api_key::KeyManager) creates, lists, rotates and revokes keys.
//!
//! ```no_run
//! use portcullis_api_key::{KeyManager, NewKey};
//! use portcullis_sql::SqlStore;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let store = SqlStore::builder("sqlite:///var/lib/orders/keys.db").migrate(true).connect().await?;
//! let created = store.create(NewKey::new("billing")).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Guarantees
//!
//! A change is one transaction. It first locks the one row of `portcullis_meta` and takes the next revisions there, so that
//! revisions become visible in their order, also if a transaction commits late. A process or server that is killed leaves
//! nothing half done. A row that is malformed, as after a change by hand, answers 503 and is named in the log.
//!
//! A statement that a request waits for may take 2 s, a list 10 s, and a statement of a change 60 s. Pages are read from
//! indexes at any place of the list; only a search for a text reads many rows.
//!
//! # SQLite
//!
//! One file, in WAL mode, for one machine: do not put it on a network file system. Several processes may use it. A new file
//! has the mode 0600.
//!
//! # PostgreSQL
//!
//! The URL is `postgres://user@host:port/database`. Give the password by [`SqlStoreBuilder::password`], and over a network
//! `?sslmode=verify-full`, with `&sslrootcert=FILE` for a certificate authority of your own. `?options[search_path]=schema`
//! chooses the schema. [`SqlStore::bus`] carries news of changes by `NOTIFY`, which the transaction of a change sends. PgBouncer
//! in transaction mode never delivers it.
//!
//! The account of `migrate(true)` owns the tables. Others need only these rights. A `service` reads keys, records their uses and
//! reports a restore. Only while you change a pepper, it also needs to replace digests; without the right, it says so in the log
//! and the keys keep their old digests. A `reader` cannot even record uses.
//!
//! ```sql
//! -- reader
//! GRANT SELECT ON portcullis_keys, portcullis_meta, portcullis_history, portcullis_migrations TO reader;
//! -- service
//! GRANT SELECT ON portcullis_keys, portcullis_meta, portcullis_history, portcullis_migrations TO service;
//! GRANT UPDATE (last_used_ms, use_count, lapsed) ON portcullis_keys TO service;
//! GRANT UPDATE (restores, restore_reported_ms) ON portcullis_meta TO service;
//! -- service that replaces digests
//! GRANT UPDATE (digest, pepper, revision) ON portcullis_keys TO service;
//! GRANT UPDATE (revision, mark) ON portcullis_meta TO service;
//! GRANT INSERT ON portcullis_history TO service;
//! -- manager
//! GRANT SELECT ON portcullis_keys, portcullis_meta, portcullis_history, portcullis_migrations TO manager;
//! GRANT INSERT, UPDATE, DELETE ON portcullis_keys TO manager;
//! GRANT UPDATE ON portcullis_meta TO manager;
//! GRANT INSERT, DELETE ON portcullis_history TO manager;
//! ```

#![cfg(any(feature = "postgres", feature = "sqlite"))]

mod builder;
#[cfg(feature = "postgres")]
mod bus;
mod connect_error;
mod database;
mod database_url;
mod import;
mod manager;
mod migrations;
mod page;
mod problem;
mod purge;
mod record;
mod restore;
mod source;
mod store;

mod uses;

pub use builder::SqlStoreBuilder;
pub use connect_error::ConnectError;
pub use store::SqlStore;
