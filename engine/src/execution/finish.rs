//! Announcing the end of a result.

use std::sync::Arc;

use super::awaited_jobs;
use crate::model::organization::OrganizationId;
use crate::node::Node;
use crate::node::events::ResultChange;
use crate::ports::queue::Finished;

/// Counts the end, and wakes whatever may wait for it: watchers, the line that started the job, the worker, and the
/// scheduler.
pub(crate) fn publish_end(node: &Arc<Node>, organization: OrganizationId, finished: &Finished) {
    node.waits.remove(finished.result.id);
    node.metrics.count_job_result(finished.result.status);
    node.publish(organization, finished.result.id, ResultChange::Status);
    awaited_jobs::notify_starter(node, &finished.result, organization);
    if finished.more {
        node.wake.notify_one();
    }
    if finished.armed_schedule {
        node.schedules.changed.notify_one();
    }
}
