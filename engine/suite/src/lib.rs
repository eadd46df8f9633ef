//! The cases that every store must pass, in memory or in a database: what the ports promise beyond their types. This is
//! not part of the program.
//!
//! An adapter gives [`store_tests`] a function that opens an empty store, and gets a test for each case.
//! [`history::play`] compares two stores on random histories.

#![allow(missing_docs, clippy::missing_panics_doc)]

pub mod audit;
pub mod checkpoints;
pub mod collections;
pub mod deletion;
pub mod history;
pub mod in_force;
pub mod jobs;
pub mod lines;
pub mod modules;
pub mod organizations;
pub mod overlap;
pub mod pruning;
pub mod queue;
pub mod recovery;
pub mod results;
pub mod retries;
pub mod samples;
pub mod schedules;
pub mod snapshots;
pub mod templates;
pub mod tokens;
pub mod turns;
pub mod waiting;
pub mod webhooks;

pub use engine::ports::stores::Store as Stores;

/// A test for each case, on a store that `$open` opens. It returns the store, and a value that lives as long.
#[macro_export]
macro_rules! store_tests {
    ($open:path) => {
        $crate::cases!(tests_of_cases, $open);
    };
}

/// Runs every case after the other, each on an empty store.
///
/// # Panics
/// When the store breaks a promise.
pub async fn every_case<Store: Stores>(open: impl AsyncFn() -> Store) {
    cases!(run_cases, open);
}

#[doc(hidden)]
#[macro_export]
macro_rules! tests_of_cases {
    ($open:path; $($group:ident: $($case:ident)*;)*) => {
        $(
            mod $group {
                $(
                    #[tokio::test]
                    async fn $case() {
                        let (store, _kept) = $open().await;
                        $crate::$group::$case(&store).await;
                    }
                )*
            }
        )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! run_cases {
    ($open:path; $($group:ident: $($case:ident)*;)*) => {
        $($($crate::$group::$case(&$open().await).await;)*)*
    };
}

/// Hands the list of all cases to another macro of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! cases {
    ($callback:ident, $open:path) => {
        $crate::$callback! {
            $open;
        organizations:
            an_organization_is_found_by_key_and_by_identity
            a_key_belongs_to_one_organization
            organizations_are_listed_by_key
            quotas_are_kept
            an_organization_is_changed_in_parts
            what_organizations_keep_is_counted;
        tokens:
            a_token_comes_back_as_it_was_made
            only_a_token_for_the_server_counts_as_one
            tokens_are_listed_newest_first_in_pages
            a_revoked_token_is_gone
            the_last_valid_token_of_the_server_stays
            the_use_of_a_token_is_noted;
        audit:
            an_entry_comes_back_in_its_own_log
            entries_are_filtered_and_listed_newest_first
            old_entries_are_removed
            a_refused_change_leaves_its_entry;
        jobs:
            each_save_makes_the_next_version
            versions_never_change
            saving_what_is_already_there_makes_no_version
            an_edit_of_an_old_version_is_refused_with_the_newest
            a_version_of_a_job_that_is_not_there_cannot_be_edited
            jobs_are_listed_by_key_in_pages
            another_organization_has_jobs_of_its_own
            a_document_comes_back_exactly;
        deletion:
            a_deleted_job_is_gone_and_its_results_stay
            what_is_not_there_or_was_changed_is_not_deleted
            results_that_have_not_ended_prevent_a_deletion
            a_deletion_kills_what_has_not_ended
            many_open_results_are_killed_in_steps
            a_job_that_is_saved_again_is_a_new_one
            results_of_a_deleted_job_are_kept_by_age_alone;
        results:
            a_start_is_pending_and_found
            an_identity_is_used_once
            a_start_that_names_itself_happens_once
            a_name_that_asks_for_something_else_is_refused
            starts_are_found_by_the_beginning_of_their_names
            all_that_a_start_says_comes_back
            starts_at_the_same_time_do_not_spoil_each_other
            results_are_listed_newest_first_in_pages
            results_are_filtered_by_job_and_status
            another_organization_sees_no_result
            the_last_success_is_of_the_newest_result_that_went_well
            a_pending_result_is_killed_and_never_claimed
            a_running_result_is_killed_with_its_running_line
            a_result_that_ended_cannot_be_killed
            what_is_absent_cannot_be_killed;
        queue:
            the_oldest_are_claimed_first_and_only_once
            a_claim_takes_no_more_than_it_asked_for
            a_claim_begins_the_result_and_brings_its_records
            claims_go_over_all_organizations
            the_modules_of_a_result_are_noted
            a_finished_result_keeps_how_it_ended
            a_result_is_finished_once
            of_several_ends_at_the_same_time_one_counts
            work_cannot_end_as_killed
            a_lease_is_lost_by_a_kill
            a_made_up_lease_is_worth_nothing
            an_end_writes_all_that_was_not_written_before
            an_end_says_whether_more_is_ready;
        turns:
            an_organization_with_many_results_starves_no_other
            organizations_with_as_many_running_take_turns
            a_higher_priority_comes_first_and_then_age
            a_full_queue_is_passed_over_until_there_is_room
            a_queue_of_its_own_limits_one_organization
            a_queue_of_its_own_counts_within_the_shared_one
            spare_workers_are_for_idle_organizations
            a_queue_with_capacity_is_found_behind_many_full_ones
            long_lanes_are_taken_up_to_their_end
            one_claim_is_bounded
            depths_count_what_is_ready_over_all_organizations
            a_result_that_waits_for_a_time_is_taken_when_it_is_due;
        overlap:
            queued_results_begin_one_after_the_other
            a_kill_lets_the_next_begin
            a_result_that_waits_for_a_time_holds_up_its_job
            a_result_that_is_skipped_says_so_and_never_runs
            a_result_replaces_those_before_it
            results_may_run_side_by_side
            dry_runs_and_notices_neither_wait_nor_are_waited_for
            of_starts_at_the_same_time_one_begins
            of_replacements_at_the_same_time_one_stays
            what_is_given_up_lets_the_next_begin
            ends_at_the_same_time_let_one_begin;
        checkpoints:
            the_input_of_a_line_in_error_outlasts_checkpoints
            a_set_that_is_stored_again_replaces_the_old_one
            a_result_goes_on_from_its_checkpoint
            what_is_handed_back_goes_on_from_its_checkpoint
            batches_come_back_exactly_and_in_order
            parts_are_kept_in_their_order_and_read_in_pages
            large_parts_come_back_whole
            a_checkpoint_drops_what_was_needed_before
            an_end_keeps_the_input_of_the_line_in_error
            a_kill_keeps_what_was_kept_on_purpose
            a_wait_keeps_no_worker_and_forgives
            a_result_that_waits_for_a_time_can_be_killed
            a_wait_can_end_before_its_time;
        retries:
            a_retry_from_the_beginning_copies_no_batches
            what_joins_later_is_not_lost_by_a_failure
            a_retry_takes_over_what_was_done
            a_retry_may_bring_its_sets
            only_what_is_there_and_has_ended_is_tried_again
            the_retries_of_a_result_are_listed
            a_retry_keeps_to_the_overlap_rule
            notifications_start_with_the_end_of_a_result
            an_end_whose_notifications_fail_is_rolled_back
            the_status_of_the_previous_result_is_found;
        waiting:
            the_default_queue_is_always_there
            queues_are_listed_with_what_waits_in_them
            a_result_stays_in_the_queue_it_was_started_in
            a_result_shows_what_it_waits_for
            a_result_that_waits_for_a_time_says_for_which;
        schedules:
            a_schedule_is_kept_with_its_job
            what_is_due_comes_back_in_order
            a_firing_starts_results_and_moves_the_schedule
            nothing_is_started_twice_for_an_instant
            a_fire_of_an_older_revision_changes_nothing
            a_start_that_is_skipped_is_not_counted
            a_schedule_goes_on_when_what_it_started_has_ended
            what_was_killed_or_given_up_lets_a_schedule_go_on
            schedules_of_one_job_that_replace_each_other_wait_for_nothing_that_ended
            notifications_of_an_earlier_start_are_not_started_again
            a_schedule_that_is_changed_keeps_what_it_counted
            schedules_are_listed_by_job_and_key
            all_schedules_are_inspected
            another_organization_sees_no_schedule
            a_result_that_ended_at_its_start_keeps_its_message;
        webhooks:
            a_webhook_comes_back_as_it_was_made
            a_key_of_a_webhook_is_used_once_in_a_job
            a_webhook_needs_its_job_and_a_job_has_a_bound
            webhooks_are_listed_by_job_and_key
            a_use_is_noted_once_in_a_while
            a_removed_webhook_is_gone
            another_organization_sees_no_webhook;
        pruning:
            what_is_old_and_not_among_the_newest_goes
            the_last_success_and_the_last_failure_stay
            what_has_not_ended_stays
            what_a_retry_goes_on_from_stays
            all_that_belongs_to_a_result_goes_with_it
            many_go_in_steps;
        modules:
            a_module_comes_back_as_it_was_installed
            a_version_is_one_component_for_ever
            a_module_is_seen_by_those_who_have_it
            a_key_is_global_or_of_organizations_but_not_both
            a_component_goes_with_the_last_who_has_it
            a_job_is_saved_with_what_is_installed
            a_module_that_jobs_use_is_not_removed
            a_global_module_is_used_by_any_organization
            grants_are_of_one_organization_and_are_replaced
            grants_go_with_the_last_version
            an_upload_is_kept_until_it_is_used_or_old
            uploads_do_not_pile_up;
        lines:
            a_line_written_again_replaces_what_was_written
            lines_are_listed_by_result_and_number
            a_result_may_have_no_lines
            a_line_comes_back_exactly
            an_interrupted_line_appends_its_output
            lines_of_many_results_are_written_at_the_same_time
            another_organization_sees_no_line;
        in_force:
            a_new_version_of_a_job_and_its_deletion
            a_grant_and_its_removal
            other_quotas
            a_queue_and_its_limit
            the_last_success;
        recovery:
            what_was_running_is_claimed_again
            a_new_attempt_has_no_lines_of_the_one_before
            a_lease_is_lost_by_recovery_and_by_the_next_claim
            what_was_put_back_can_be_killed
            a_result_whose_node_crashes_before_any_line_is_given_up
            a_line_that_crashes_its_node_alone_is_condemned
            two_lines_that_crash_their_node_end_the_result
            crashes_beside_others_condemn_no_line
            one_crash_isolates_nothing
            isolated_results_are_performed_one_at_a_time
            isolation_is_over_after_a_while
            isolation_holds_up_no_other_node
            a_stopped_queue_holds_isolated_results
            the_cause_of_crashes_is_found_among_many_and_no_other_result_fails
            a_result_that_is_handed_back_waits_as_if_it_had_not_been_claimed
            what_was_claimed_without_an_answer_is_handed_back
            what_waits_or_has_ended_is_left_alone
            a_node_that_is_silent_for_long_is_lost_and_no_other;
        collections:
            every_change_is_counted
            changes_of_one_record_are_made_in_their_order
            records_are_in_the_order_of_their_keys_bytes
            records_are_got_by_their_keys
            a_record_comes_back_exactly
            a_call_that_is_made_once_changes_nothing_the_second_time
            a_call_is_made_once_though_it_comes_twice_at_the_same_time
            pages_lose_nothing_and_repeat_nothing
            a_page_may_begin_anywhere
            records_that_meet_criteria_are_counted_and_deleted
            collections_are_listed_by_name_in_pages
            a_collection_is_there_from_its_first_write_to_its_removal
            another_organization_has_collections_of_its_own
            ten_thousand_changes_are_made_at_once;
        snapshots:
            a_snapshot_is_what_matches_in_order
            a_snapshot_sees_no_half_of_a_write
            what_is_written_while_a_snapshot_is_taken_is_not_in_it
            a_snapshot_without_a_receiver_ends;
        templates:
            each_save_of_a_template_makes_the_next_version
            an_edit_of_an_old_template_is_refused_with_the_newest
            a_template_is_seen_by_those_who_have_it
            a_key_of_a_template_is_global_or_of_organizations
            templates_are_listed_by_key_in_pages
            a_template_that_jobs_use_is_not_removed
            a_global_template_is_used_by_any_organization
            a_template_goes_with_all_its_versions;
        }
    };
}
