//! `portcullis keys …`: one file a verb, over any store.

mod confirm_restore;
mod create;
mod database;
mod finder;
mod identify;
mod import;
mod list;
mod migrate;
mod notes;
mod peppers;
mod place;
mod progress;
mod purge;
mod record;
mod revoke;
mod rotate;
mod scan;
mod show;
mod store;
mod table;

use clap::Subcommand;

use crate::output::Outcome;

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Create a key. The key is the only output on stdout, and cannot be shown again.
    ///
    /// The key expires after 365 days by default.
    ///
    /// A key file or an SQLite database is created if it does not exist.
    Create(Box<create::Create>),
    /// List the keys of a store. It does not contain the keys themselves.
    ///
    /// The newest keys of a database come first. A key file is listed in its own order, and whole, unless --limit, --all or
    /// --cursor is given.
    List(list::List),
    /// Show what the store knows of a key.
    Show(show::Show),
    /// Replace a key by a new one with the same owner and scopes. The new key is the only output on stdout, and cannot be shown
    /// again.
    Rotate(rotate::Rotate),
    /// Revoke a key. Running services reject it within 5 s.
    Revoke(revoke::Revoke),
    /// Remove the records of keys that were revoked or have expired.
    Purge(purge::Purge),
    /// Look for keys in files or on standard input, by their form and checksum.
    ///
    /// Keys are not printed, only their ids. Symbolic links are not followed, and compressed files, such as git's objects,
    /// are not decompressed.
    ///
    /// The exit status is 0 if no live key was found, 1 if one was, also if --revoke has revoked it, 2 for wrong arguments,
    /// and 3 if none was found but something could not be read or checked. Without --store every key counts as live.
    Scan(scan::Scan),
    /// Store keys that were issued elsewhere, from lines of JSON or from another store.
    ///
    /// A line has `owner`, optionally `name`, `scopes`, `tags`, `networks`, `limit`, `created_at`, `expires_at` (never, by
    /// default) and `revoked_at`, and one of: `sha256` (of the whole key, in hexadecimal digits); `hmac_sha256` and
    /// `pepper_version`; `key` (which is digested and not stored); `id` and `digest` of a key of this program.
    ///
    /// Keys that the store has already are skipped, so an import that failed can be run again. A key file or an SQLite database
    /// is created if it does not exist.
    Import(import::Import),
    /// Create or update the tables of a database.
    Migrate(migrate::Migrate),
    /// Confirm that a database was restored from a backup, and that its keys may be used again.
    ///
    /// Services refuse all keys of a restored database, since keys that were revoked after the backup would be valid again:
    /// revoke those first.
    ConfirmRestore(confirm_restore::ConfirmRestore),
}

pub(crate) async fn run(command: KeysCommand) -> Outcome {
    match command {
        KeysCommand::Create(create) => create::run(*create).await,
        KeysCommand::List(list) => list::run(list).await,
        KeysCommand::Show(show) => show::run(show).await,
        KeysCommand::Rotate(rotate) => rotate::run(rotate).await,
        KeysCommand::Revoke(revoke) => revoke::run(revoke).await,
        KeysCommand::Purge(purge) => purge::run(purge).await,
        KeysCommand::Scan(scan) => scan::run(scan).await,
        KeysCommand::Import(import) => import::run(import).await,
        KeysCommand::Migrate(migrate) => migrate::run(migrate).await,
        KeysCommand::ConfirmRestore(confirm) => confirm_restore::run(confirm).await,
    }
}
