//! Reads the lines of many job results in one go: a page of a hundred results with
//! their lines is two statements, not a hundred and one. What this node works on is seen as it
//! stands now.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use engine::model::organization::OrgScope;
use engine::model::result::{LineResult, ResultId};
use engine::runtime::engine::Engine;

use crate::refusal::Refusal;

/// Gathers the job results of one request whose lines are asked for.
pub(crate) struct Lines {
    engine: Arc<Engine>,
    scope: OrgScope,
}

impl Lines {
    /// A loader for one request.
    pub(crate) fn loader(engine: Arc<Engine>, scope: OrgScope) -> DataLoader<Self> {
        DataLoader::new(Self { engine, scope }, tokio::spawn)
    }
}

impl Loader<ResultId> for Lines {
    type Value = Arc<Vec<LineResult>>;
    type Error = Refusal;

    async fn load(&self, ids: &[ResultId]) -> Result<HashMap<ResultId, Self::Value>, Refusal> {
        let mut by_result: HashMap<ResultId, Vec<LineResult>> = HashMap::new();
        for (id, line) in self.engine.lines(self.scope, ids).await? {
            by_result.entry(id).or_default().push(line);
        }
        Ok(by_result.into_iter().map(|(id, lines)| (id, Arc::new(lines))).collect())
    }
}
