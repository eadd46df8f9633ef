//! Isolated results: each runs alone on its node, so that a crash of the node has a known cause.

use engine::model::fairness::Candidate;
use engine::model::lifecycle::isolation::Isolation;
use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::ports::StoreError;
use engine::ports::queue::Claim;

use crate::entities::leases::Model;
use crate::leases::Leases;

pub(super) fn isolation(leases: &mut Leases, claim: Claim) -> Result<Isolation, StoreError> {
    let isolated: Vec<Model> = leases.isolated().cloned().collect();
    // The usual case.
    if isolated.is_empty() {
        return Ok(Isolation::Nothing);
    }
    let (leased, waiting): (Vec<_>, Vec<_>) =
        isolated.into_iter().partition(|row| row.state == LeaseState::Leased.word());
    let mut isolated_until = None;
    for row in leased.iter().filter(|row| row.node == Some(claim.node.0)) {
        match row.row_name().maybe_instant("isolated_until", row.isolated_until)? {
            Some(until) if until > claim.now => isolated_until = Some(until),
            // Others may be claimed while it runs.
            _ => leases.change((row.organization_id, row.job_result_id), |row| row.isolated_until = None),
        }
    }
    let first = waiting.iter().find(|row| !leases.occupancy_of(&row.queue_name()).is_full(&row.queue_name()));
    let first = first.map(|row| Candidate {
        organization: OrganizationId(row.organization_id),
        result: ResultId(row.job_result_id),
        queue: row.queue_name(),
        priority: 0,
    });
    let is_free = claim.capacity.slots > 0 && leases.is_idle(claim.node);
    Ok(Isolation::decide(isolated_until, first, is_free))
}
