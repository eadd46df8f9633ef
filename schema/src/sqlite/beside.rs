//! Adds a token to a database that a server may be using.

use std::path::Path;

use engine::model::audit::{AuditEntry, AuditOutcome};
use engine::model::rights::Operation;
use engine::model::token::TokenRecord;
use migrations::Migrations;
use sea_orm::prelude::Uuid;
use sea_orm::{ActiveModelTrait, DatabaseConnection, DbErr, EntityTrait, IntoActiveModel, TransactionTrait};
use sea_orm_migration::MigratorTrait;

use super::{OpenError, Use, connect, unknown_change};
use crate::entities::{audit_entries, tokens};

/// Adds a token of a server administrator to a database that a server of the same version may be using, with an entry
/// in the audit log of the server. The tables are not migrated, since a running server would not expect that.
///
/// # Errors
/// The database cannot be written, or another version of the program made it.
pub async fn add_token_beside(path: &Path, token: &TokenRecord) -> Result<(), OpenError> {
    let refused = |cause| OpenError::Database { path: path.to_owned(), cause };
    let db = connect(path, Use::Write).await.map_err(refused)?;
    if let Some(change) = unknown_change(&db).await.map_err(refused)? {
        return Err(OpenError::Newer { path: path.to_owned(), change });
    }
    if !Migrations::get_pending_migrations(&db).await.map_err(refused)?.is_empty() {
        return Err(OpenError::Older(path.to_owned()));
    }
    add(&db, token).await.map_err(refused)?;
    db.close().await.map_err(refused)
}

async fn add(db: &DatabaseConnection, token: &TokenRecord) -> Result<(), DbErr> {
    let entry = AuditEntry {
        id: Uuid::now_v7(),
        organization: None,
        at: token.created_at,
        who: token.created_by.clone().unwrap_or_default(),
        token: Uuid::nil(),
        operation: Operation::CreateToken.word().to_owned(),
        target: token.name.clone(),
        outcome: AuditOutcome::Done,
        reason: None,
    };
    let transaction = db.begin().await?;
    let token = tokens::Model::of(token).into_active_model().reset_all();
    let entry = audit_entries::Model::of(&entry).into_active_model().reset_all();
    tokens::Entity::insert(token).exec_without_returning(&transaction).await?;
    audit_entries::Entity::insert(entry).exec_without_returning(&transaction).await?;
    transaction.commit().await
}
