//! The heartbeats of nodes.

use engine::model::Instant;
use engine::ports::StoreError;
use engine::ports::queue::NodeId;
use sea_orm::sea_query::OnConflict;

use crate::batch::insert;
use crate::columns::micros;
use crate::entities::nodes::{Column, Entity, Model};
use crate::transaction::Transaction;
use crate::writer::SingleCommand;

pub(super) struct Beat {
    pub node: NodeId,
    pub now: Instant,
}

impl SingleCommand for Beat {
    type Answer = ();
    const DURABLE: bool = false;

    async fn apply(&self, db: &Transaction) -> Result<(), StoreError> {
        let row = Model { id: self.node.0, beat_at: micros(self.now) };
        let again = OnConflict::column(Column::Id).update_column(Column::BeatAt).to_owned();
        insert::<Entity>(db, &[row], Some(again)).await
    }
}
