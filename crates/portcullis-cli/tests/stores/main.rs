//! `portcullis keys` on a key file, SQLite and PostgreSQL alike.

#[path = "../support/mod.rs"]
mod support;

mod import;
mod leaked;
mod lifecycle;
mod passwords;
mod peppers;
mod scan;
mod store;

use store::TestStore;

/// Runs each test on every kind of store.
macro_rules! on_every_store {
    ($($module:ident::$test:ident),* $(,)?) => {
        mod file {
            $(#[test] fn $test() { crate::$module::$test(&crate::TestStore::file()); })*
        }
        mod sqlite {
            $(#[test] fn $test() { crate::$module::$test(&crate::TestStore::sqlite()); })*
        }
        mod postgresql {
            $(#[test] fn $test() { crate::$module::$test(&crate::TestStore::postgresql()); })*
        }
    };
}

on_every_store! {
    lifecycle::created_key_has_what_was_given,
    lifecycle::list_is_filtered_and_paged,
    lifecycle::rotated_key_has_a_successor,
    lifecycle::revoked_key_has_a_reason,
    lifecycle::purge_removes_ended_keys,
    lifecycle::refused_values_exit_with_2,
    import::foreign_keys_are_imported_once,
    import::wrong_line_is_named_and_earlier_ones_are_stored,
    import::dry_run_stores_nothing,
    import::other_key_with_the_same_id_is_refused,
    import::keys_of_another_store_are_copied,
    import::many_lines_are_stored_in_batches,
    leaked::leaked_key_is_identified_and_revoked,
    leaked::text_with_another_secret_revokes_nothing,
    leaked::leaked_foreign_key_is_revoked,
    peppers::key_with_a_pepper_is_created_found_and_rotated,
    scan::live_keys_are_reported_and_revoked,
}
