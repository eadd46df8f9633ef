//! The one writer: every change of the database goes through it, so that writes
//! never wait for locks, and many of them share one sync.
//!
//! It takes all that queued while the last group was committed, applies it in one
//! transaction, like with like, commits, and only then answers. If a change fails,
//! the group is rolled back and tried in halves, so that none spoils another's.

use std::any::{Any, TypeId};
use std::fs::File;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use engine::ports::StoreError;
use futures_util::FutureExt;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::{mpsc, oneshot};

use crate::sqlite::{self, Syncing};
use crate::{failed, unavailable};

/// How many changes wait at most; whoever brings more waits outside.
const WAITING: usize = 1024;
/// How many changes share a commit at most.
const GROUP: usize = 512;

/// A change of the database, as a value, so that it can be tried again.
pub(crate) trait Change: Send + Sync + Sized + 'static {
    /// What it answers, refusals included. A refusal must come before any write:
    /// the group it is in is committed all the same.
    type Answer: Send + 'static;
    /// Whether it must outlast a power cut once it is answered.
    const DURABLE: bool;

    /// Makes changes of one kind that came together, and gives an answer to each.
    /// Nobody waits for one of them to make another, so any order is right. An
    /// error rolls all of them back.
    fn apply(
        changes: &[&Self],
        db: &DatabaseTransaction,
    ) -> impl Future<Output = Result<Vec<Self::Answer>, StoreError>> + Send;
}

/// A change that is rare enough to be made by itself.
pub(crate) trait Single: Send + Sync + 'static {
    /// As of a [`Change`].
    type Answer: Send + 'static;
    /// As of a [`Change`].
    const DURABLE: bool;

    /// Makes the change. An error rolls it back.
    fn apply(&self, db: &DatabaseTransaction) -> impl Future<Output = Result<Self::Answer, StoreError>> + Send;
}

struct Alone<C>(C);

impl<C: Single> Change for Alone<C> {
    type Answer = C::Answer;
    const DURABLE: bool = C::DURABLE;

    async fn apply(changes: &[&Self], db: &DatabaseTransaction) -> Result<Vec<C::Answer>, StoreError> {
        let mut answers = Vec::with_capacity(changes.len());
        for change in changes {
            answers.push(change.0.apply(db).await?);
        }
        Ok(answers)
    }
}

/// Where changes are brought.
#[derive(Debug)]
pub(crate) struct Writer {
    inbox: mpsc::Sender<Message>,
}

enum Message {
    Write(Box<dyn Queued>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Starts writing. A lock is held until the writer is closed or dropped.
    pub fn start(db: DatabaseConnection, lock: Option<File>) -> Self {
        let (inbox, messages) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            let done = Desk { syncing: Syncing::default(), db }.work(messages).await;
            // The next process may open the file only now that it is closed.
            drop(lock);
            if let Some(done) = done {
                let _ = done.send(());
            }
        });
        Self { inbox }
    }

    /// Makes a change and answers once it is committed.
    pub async fn write<C: Change>(&self, change: C) -> Result<C::Answer, StoreError> {
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { change, outcome: None, reply };
        self.inbox.send(Message::Write(Box::new(waiting))).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// The same for a change that is made by itself.
    pub async fn write_one<C: Single>(&self, change: C) -> Result<C::Answer, StoreError> {
        self.write(Alone(change)).await
    }

    /// Commits what is waiting and closes the database.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.inbox.send(Message::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }
}

fn closed() -> StoreError {
    unavailable("the store is closed")
}

struct Desk {
    db: DatabaseConnection,
    syncing: Syncing,
}

impl Desk {
    async fn work(mut self, mut messages: mpsc::Receiver<Message>) -> Option<oneshot::Sender<()>> {
        let mut done = None;
        let mut group = Vec::new();
        while done.is_none() && messages.recv_many(&mut group, GROUP).await > 0 {
            let mut changes = Vec::with_capacity(group.len());
            for message in group.drain(..) {
                match message {
                    Message::Write(change) => changes.push(change),
                    Message::Close(reply) => done = Some(reply),
                }
            }
            self.commit(changes).await;
        }
        if let Err(error) = self.db.close_by_ref().await {
            tracing::warn!(%error, "the database did not close");
        }
        done
    }

    /// Commits all of them, or those that can be: what fails is halved until the
    /// change that is to blame stands alone.
    async fn commit(&mut self, mut changes: Vec<Box<dyn Queued>>) {
        let mut parts = vec![changes.as_mut_slice()];
        while let Some(part) = parts.pop().filter(|part| !part.is_empty()) {
            match (self.attempt(part).await, part) {
                (Ok(()), _) => {}
                (Err(error), [only]) => only.fail(error),
                (Err(_), several) => {
                    let (first, second) = several.split_at_mut(several.len() / 2);
                    parts.extend([second, first]);
                }
            }
        }
        for change in changes {
            change.answer();
        }
    }

    /// Makes changes together, or none of them. After trouble with the transaction itself nobody
    /// knows how the connection stands, so that it is replaced.
    async fn attempt(&mut self, changes: &mut [Box<dyn Queued>]) -> Result<(), StoreError> {
        match AssertUnwindSafe(self.in_a_transaction(changes)).catch_unwind().await {
            Ok(Ok(applied)) => applied,
            Ok(Err(error)) => {
                self.replace_connection().await;
                Err(failed(error))
            }
            // One change that panics fails alone, and the writer goes on for all others.
            Err(_) => {
                self.replace_connection().await;
                Err(unavailable("a fault of the program broke the change off"))
            }
        }
    }

    async fn in_a_transaction(&mut self, changes: &mut [Box<dyn Queued>]) -> Result<Result<(), StoreError>, DbErr> {
        let durable = changes.iter().any(|change| change.durable());
        self.syncing.set(&self.db, durable).await?;
        // Where others write too, a transaction that first reads could not go on to write.
        let at_once = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        let transaction = self.db.begin_with_options(at_once).await?;
        changes.sort_by_key(|change| change.kind());
        for alike in changes.chunk_by_mut(|one, other| one.kind() == other.kind()) {
            if let Err(error) = alike[0].apply_all()(alike, &transaction).await {
                if let Err(trouble) = transaction.rollback().await {
                    // The database may have rolled back by itself, when its disk was full for instance.
                    tracing::warn!(%trouble, "a transaction could not be rolled back");
                    self.replace_connection().await;
                }
                return Ok(Err(error));
            }
        }
        transaction.commit().await.map(Ok)
    }

    async fn replace_connection(&mut self) {
        sqlite::reconnect(&self.db).await;
        self.syncing = Syncing::default();
    }
}

/// Makes changes that are all of one kind.
type ApplyAll = for<'a> fn(&'a mut [Box<dyn Queued>], &'a DatabaseTransaction) -> Applied<'a>;
type Applied<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>>;

/// A change whose type is forgotten, with its answer.
trait Queued: Any + Send {
    fn kind(&self) -> TypeId;
    fn durable(&self) -> bool;
    fn apply_all(&self) -> ApplyAll;
    fn fail(&mut self, error: StoreError);
    fn answer(self: Box<Self>);
}

struct Waiting<C: Change> {
    change: C,
    outcome: Option<Result<C::Answer, StoreError>>,
    reply: oneshot::Sender<Result<C::Answer, StoreError>>,
}

impl<C: Change> Queued for Waiting<C> {
    fn kind(&self) -> TypeId {
        TypeId::of::<C>()
    }

    fn durable(&self) -> bool {
        C::DURABLE
    }

    fn apply_all(&self) -> ApplyAll {
        |alike, db| Box::pin(apply_all::<C>(alike, db))
    }

    fn fail(&mut self, error: StoreError) {
        self.outcome = Some(Err(error));
    }

    fn answer(self: Box<Self>) {
        // Whoever asked may have gone; the change is made all the same.
        let _ = self.reply.send(self.outcome.unwrap_or_else(|| Err(closed())));
    }
}

async fn apply_all<C: Change>(alike: &mut [Box<dyn Queued>], db: &DatabaseTransaction) -> Result<(), StoreError> {
    let mut waiting: Vec<&mut Waiting<C>> =
        alike.iter_mut().filter_map(|one| (one.as_mut() as &mut (dyn Any + Send)).downcast_mut()).collect();
    let changes: Vec<&C> = waiting.iter().map(|one| &one.change).collect();
    let answers = C::apply(&changes, db).await?;
    for (one, answer) in waiting.iter_mut().zip(answers) {
        one.outcome = Some(Ok(answer));
    }
    Ok(())
}
