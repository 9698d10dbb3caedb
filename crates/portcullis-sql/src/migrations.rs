//! The tables, in steps that are recorded in the table `portcullis_migrations`.

use std::sync::LazyLock;

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// The newest step.
pub(crate) const NEWEST: i64 = 1;

#[cfg(feature = "postgres")]
pub(crate) static POSTGRES: LazyLock<Migrator> =
    LazyLock::new(|| migrator([include_str!("../migrations/postgres/1_keys.sql")]));
#[cfg(feature = "sqlite")]
pub(crate) static SQLITE: LazyLock<Migrator> =
    LazyLock::new(|| migrator([include_str!("../migrations/sqlite/1_keys.sql")]));

pub(crate) const FIRST_META: &str = "INSERT INTO portcullis_meta (only_row, revision, mark, restores) \
     VALUES (TRUE, 0, $1, 0) ON CONFLICT DO NOTHING";
pub(crate) const FIRST_HISTORY: &str = "INSERT INTO portcullis_history (revision, mark, changed_ms) \
     SELECT revision, mark, 0 FROM portcullis_meta WHERE revision = 0 ON CONFLICT DO NOTHING";

fn migrator(steps: [&'static str; NEWEST as usize]) -> Migrator {
    let step = |(version, sql): (i64, &'static str)| {
        let kind = MigrationType::Simple;
        Migration::new(version, "keys".into(), kind, sql.into_sql_str(), false)
    };
    let steps = (1..).zip(steps).map(step).collect();
    let mut migrator = Migrator::with_migrations(steps);
    // Called dangerous since changing it later would run all steps again.
    migrator.dangerous_set_table_name("portcullis_migrations");
    // Each database locks in its own way.
    migrator.set_locking(false);
    migrator
}
