use proptest::prelude::*;
use suite::samples;

use super::*;

/// The organizations, jobs, queues and results of the histories.
const FEW: u128 = 3;

fn row(organization: u128, id: u128) -> Model {
    let (result, _) = samples::start(id, &format!("job-{}", id % FEW)).accept();
    let queue = QueueName { holder: Uuid::nil(), key: format!("queue-{}", id % 2) };
    Model::new(OrganizationId(Uuid::from_u128(organization)), &result, &queue, LeaseState::Ready)
}

/// One change: what kind, of which organization and result, and a number that it uses.
type Step = (u8, u128, u128, i64);

fn take(leases: &mut Leases, (kind, organization, id, number): Step) {
    let key = (Uuid::from_u128(organization), Uuid::from_u128(id));
    let state = |row: &mut Model, state: LeaseState| state.word().clone_into(&mut row.state);
    match kind {
        0 => leases.add(row(organization, id)),
        1 => leases.remove(key),
        2 => leases.change(key, |row| {
            state(row, LeaseState::Leased);
            row.number += 1;
        }),
        3 => leases.change(key, |row| {
            state(row, LeaseState::Behind);
            row.ahead = false;
        }),
        4 => leases.change(key, |row| {
            state(row, LeaseState::Later);
            row.ready_at = Some(number);
        }),
        5 => leases.change(key, |row| row.isolated_until = Some(number)),
        6 => leases.change(key, |row| (row.priority, row.crashes_alone) = (number, number)),
        7 => leases.set_queue((Uuid::nil(), format!("queue-{}", id % 2)), Some(u32::try_from(number).ok())),
        8 => drop(leases.wake(Instant::from_timestamp_micros(number).unwrap()).unwrap()),
        _ => leases.change(key, Model::make_ready),
    }
}

/// The same rows with new indexes.
fn rebuilt(leases: &Leases) -> Leases {
    let mut rebuilt = Leases { queues: leases.queues.clone(), ..Leases::default() };
    for (key, row) in &leases.rows {
        rebuilt.set(*key, Some(row.clone()));
    }
    rebuilt
}

fn shown(leases: &Leases) -> String {
    let Leases { ready, later, isolated, leased, by_job, running, queues, rows, .. } = leases;
    let sorted: BTreeMap<_, _> = rows.iter().collect();
    let by_job: BTreeMap<_, _> = by_job.iter().collect();
    let organizations: BTreeMap<_, _> = running.by_organization.iter().collect();
    let (by_queue, queues): (BTreeMap<_, _>, BTreeMap<_, _>) =
        (running.by_queue.iter().collect(), queues.iter().collect());
    format!(
        "{ready:?} {later:?} {isolated:?} {leased:?} {by_job:?} {organizations:?} {by_queue:?} {queues:?} {sorted:?}"
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec((0_u8..10, 1..=FEW, 1_u128..8, 0_i64..5), 0..60)
}

proptest! {
    #[test]
    fn the_indexes_are_those_of_the_rows_and_a_rollback_restores_them(before in steps(), after in steps()) {
        let mut leases = Leases::default();
        before.into_iter().for_each(|step| take(&mut leases, step));
        prop_assert_eq!(shown(&leases), shown(&rebuilt(&leases)));
        leases.commit();
        let committed = shown(&leases);
        after.into_iter().for_each(|step| take(&mut leases, step));
        prop_assert_eq!(shown(&leases), shown(&rebuilt(&leases)));
        leases.roll_back();
        prop_assert_eq!(shown(&leases), committed);
    }
}

#[test]
fn candidates_begin_behind_the_organization_that_was_served_last_and_skip_full_queues() {
    let mut leases = Leases::default();
    for (organization, id) in [(1, 1), (1, 3), (2, 5), (2, 2), (3, 7)] {
        leases.add(row(organization, id));
    }
    let capacity = Capacity { slots: 1, spare: 0 };
    let ids = |leases: &Leases, last: u128| {
        let last = Some(OrganizationId(Uuid::from_u128(last)));
        let (candidates, _) = leases.candidates(capacity, last).unwrap();
        candidates.iter().map(|candidate| candidate.result.0.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&leases, 1), [2, 5, 7, 1]);
    assert_eq!(ids(&leases, 3), [1, 2, 5, 7]);
    leases.set_queue((Uuid::nil(), "queue-1".to_owned()), Some(Some(0)));
    assert_eq!(ids(&leases, 1), [2]);
}
