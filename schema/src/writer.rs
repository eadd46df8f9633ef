//! The one writer: every change of the database goes through it, so that writes
//! never wait for locks, and many of them share one sync.
//!
//! It takes all that queued while the last group was committed, applies it in one
//! transaction, commits, and only then answers. If a change fails, the group is
//! rolled back and each change is tried alone, so that none spoils another's.

use std::fs::File;
use std::future::Future;

use async_trait::async_trait;
use engine::ports::StoreError;
use sea_orm::{DatabaseConnection, DatabaseTransaction, TransactionTrait};
use tokio::sync::{mpsc, oneshot};

use crate::sqlite::Syncing;
use crate::{failed, unavailable};

/// How many changes wait at most; whoever brings more waits outside.
const WAITING: usize = 1024;
/// How many changes share a commit at most.
const GROUP: usize = 512;

/// A change of the database, as a value, so that it can be tried again.
pub(crate) trait Change: Send + Sync + 'static {
    /// What it answers, refusals included. A refusal must come before any write:
    /// the group it is in is committed all the same.
    type Answer: Send + 'static;
    /// Whether it must outlast a power cut once it is answered.
    const DURABLE: bool;

    /// Makes the change. An error rolls it back.
    fn apply(&self, db: &DatabaseTransaction) -> impl Future<Output = Result<Self::Answer, StoreError>> + Send;
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
    /// Starts writing. The lock is held until the writer is closed or dropped.
    pub fn start(db: DatabaseConnection, lock: File) -> Self {
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

    async fn commit(&mut self, mut changes: Vec<Box<dyn Queued>>) {
        if let Err(error) = self.attempt(&mut changes).await {
            match changes.as_mut_slice() {
                [only] => only.fail(error),
                several => self.one_by_one(several).await,
            }
        }
        for change in changes {
            change.answer();
        }
    }

    async fn one_by_one(&mut self, changes: &mut [Box<dyn Queued>]) {
        for change in changes {
            if let Err(error) = self.attempt(std::slice::from_mut(change)).await {
                change.fail(error);
            }
        }
    }

    async fn attempt(&mut self, changes: &mut [Box<dyn Queued>]) -> Result<(), StoreError> {
        let durable = changes.iter().any(|change| change.durable());
        self.syncing.set(&self.db, durable).await.map_err(failed)?;
        let transaction = self.db.begin().await.map_err(failed)?;
        for change in changes {
            if let Err(error) = change.apply(&transaction).await {
                transaction.rollback().await.map_err(failed)?;
                return Err(error);
            }
        }
        transaction.commit().await.map_err(failed)
    }
}

/// A change whose type is forgotten, with its answer.
#[async_trait]
trait Queued: Send {
    fn durable(&self) -> bool;
    async fn apply(&mut self, db: &DatabaseTransaction) -> Result<(), StoreError>;
    fn fail(&mut self, error: StoreError);
    fn answer(self: Box<Self>);
}

struct Waiting<C: Change> {
    change: C,
    outcome: Option<Result<C::Answer, StoreError>>,
    reply: oneshot::Sender<Result<C::Answer, StoreError>>,
}

#[async_trait]
impl<C: Change> Queued for Waiting<C> {
    fn durable(&self) -> bool {
        C::DURABLE
    }

    async fn apply(&mut self, db: &DatabaseTransaction) -> Result<(), StoreError> {
        self.outcome = Some(Ok(self.change.apply(db).await?));
        Ok(())
    }

    fn fail(&mut self, error: StoreError) {
        self.outcome = Some(Err(error));
    }

    fn answer(self: Box<Self>) {
        // Whoever asked may have gone; the change is made all the same.
        let _ = self.reply.send(self.outcome.unwrap_or_else(|| Err(closed())));
    }
}
