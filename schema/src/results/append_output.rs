//! Appends the output that an interrupted line writes after its end.

use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::model::status::Status;
use engine::ports::StoreError;
use engine::ports::actions::LineOutput;
use sea_orm::prelude::*;

use crate::entities::line_results::{self, Column, Entity};
use crate::failed;
use crate::transaction::Transaction;
use crate::writer::SingleCommand;

pub(super) struct AppendOutput {
    pub organization: OrganizationId,
    pub id: ResultId,
    pub line_no: u32,
    pub output: LineOutput,
}

impl SingleCommand for AppendOutput {
    type Answer = ();
    const DURABLE: bool = false;

    async fn apply(&self, db: &Transaction) -> Result<(), StoreError> {
        let row = Entity::update_many()
            .set(line_results::output(&self.output))
            .filter(Column::OrganizationId.eq(self.organization.0))
            .filter(Column::JobResultId.eq(self.id.0))
            .filter(Column::LineNo.eq(self.line_no))
            .filter(Column::Status.eq(Status::Killed.word()));
        row.exec(db).await.map_err(failed)?;
        Ok(())
    }
}
