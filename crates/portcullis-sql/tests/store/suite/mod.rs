//! What both databases do.

mod change;
mod malformed;
mod page;
mod restore;
mod schema;
mod uses;

pub(crate) use change::*;
pub(crate) use malformed::*;
pub(crate) use page::*;
pub(crate) use restore::*;
pub(crate) use schema::*;
pub(crate) use uses::*;

/// Makes a test of each function of the suite, for the database that the expression makes.
macro_rules! suite {
    ($fixture:expr) => {
        $crate::suite::suite! {
            $fixture,
            created_key_is_found_as_it_was_created,
            repeated_request_creates_no_second_key,
            rotation_names_the_successor,
            refused_change_takes_no_revision,
            second_revocation_changes_nothing,
            changes_come_in_the_order_of_their_revisions,
            import_skips_what_is_there,
            import_with_a_conflict_stores_nothing,
            purge_removes_what_ended,
            ids_come_in_pages,
            page_shows_what_the_query_selects,
            expired_keys_are_listed_with_and_without_marks,
            malformed_row_is_named_and_not_skipped,
            malformed_row_does_not_block_the_changes,
            malformed_row_answers_503,
            position_continues_while_the_history_does,
            restored_database_waits_for_confirmation,
            old_report_does_not_undo_a_confirmation,
            purge_forgets_old_history,
            uses_do_not_change_the_revision,
            digest_is_replaced_only_while_it_is_the_old_one,
            two_migrations_at_once_succeed,
            missing_tables_are_reported,
            tables_hold_no_key,
        }
    };
    ($fixture:expr, $($test:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                $crate::suite::$test(&$fixture).await;
            }
        )+
    };
}
pub(crate) use suite;
