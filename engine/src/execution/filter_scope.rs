//! What a filter may read: the sources of an organization, and the sets of earlier lines.

use std::sync::Arc;

use super::line_sets::LineSets;
use super::outcome::LineError;
use crate::model::organization::{OrgScope, Organization};
use crate::model::result::ResultId;
use crate::model::source::LineRef;
use crate::node::Node;
use crate::records::Set;

/// What a filter may read.
pub(crate) struct FilterScope<'a> {
    pub(crate) node: &'a Arc<Node>,
    pub(crate) organization: &'a Organization,
    /// The set from the line before.
    pub(crate) set: Set,
    /// The sets that earlier lines passed on.
    pub(crate) lines: &'a LineSets,
    /// The job result to which the filter belongs; it is not a source of itself.
    pub(crate) own: Option<ResultId>,
}

impl FilterScope<'_> {
    pub(crate) fn scope(&self) -> OrgScope {
        OrgScope::of(self.organization.id)
    }

    /// The set that an earlier line passed on.
    pub(crate) fn set_of_line(&self, line: &LineRef) -> Result<Set, LineError> {
        let not_found = || {
            LineError::Failed(format!(
                "Line `{line}` did not pass on any records before this line; name an earlier line that is not skipped."
            ))
        };
        self.lines.get(line).ok_or_else(not_found)?.map_err(LineError::Failed)
    }
}
