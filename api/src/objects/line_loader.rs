//! Reads the lines of many job results together: a page of a hundred results with their lines takes two statements,
//! not a hundred and one. Results that this node works on are shown as they are now.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use engine::engine::Engine;
use engine::model::organization::OrgScope;
use engine::model::result::{LineResult, ResultId};
use engine::ports::Listed;
use engine::ports::results::LinesOf;

use crate::budget::{AnswerBudget, SMALL_BYTES};
use crate::error::ApiError;

/// Collects the job results of one request whose lines are asked for.
pub(crate) struct LineLoader {
    engine: Engine,
    scope: OrgScope,
    budget: Arc<AnswerBudget>,
}

impl LineLoader {
    /// A loader for one request.
    pub(crate) fn new(engine: Engine, scope: OrgScope, budget: Arc<AnswerBudget>) -> DataLoader<Self> {
        DataLoader::new(Self { engine, scope, budget }, tokio::spawn)
    }
}

/// Reads the lines of results within the budget of the answer, by result.
pub(super) async fn read(
    (engine, scope, budget): (&Engine, OrgScope, &AnswerBudget),
    results: &[ResultId],
    details: bool,
) -> Result<HashMap<ResultId, Arc<Vec<LineResult>>>, ApiError> {
    let within = async |most: usize| {
        let of = LinesOf { results, after: None, details };
        let lines = async { Ok(engine.results().lines_within(scope, of, most).await?) };
        let bytes = |lines: &Listed<(ResultId, LineResult)>| lines.items.iter().map(|(_, line)| line.bytes()).sum();
        budget.read(most, lines, bytes).await
    };
    let mut lines = within(SMALL_BYTES).await?;
    if lines.more {
        lines = within(budget.left()).await?;
    }
    if lines.more {
        return Err(budget.exceeded());
    }
    let mut by_result: HashMap<ResultId, Vec<LineResult>> = HashMap::new();
    for (id, line) in lines.items {
        by_result.entry(id).or_default().push(line);
    }
    Ok(by_result.into_iter().map(|(id, lines)| (id, Arc::new(lines))).collect())
}

impl Loader<ResultId> for LineLoader {
    type Value = Arc<Vec<LineResult>>;
    type Error = ApiError;

    async fn load(&self, ids: &[ResultId]) -> Result<HashMap<ResultId, Self::Value>, ApiError> {
        read((&self.engine, self.scope, &self.budget), ids, true).await
    }
}
