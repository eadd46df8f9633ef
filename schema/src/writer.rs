//! The only writer: all changes of the database go through it, so that writes never wait for locks, and many of them
//! share one sync.
//!
//! It takes the commands that were queued while the last group was committed, applies them in one transaction, those of
//! one kind together, commits, and only then answers. If a command fails, the group is rolled back and each half is
//! tried by itself, so that a faulty command affects no other.

use std::any::{Any, TypeId};
use std::fs::File;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};

use engine::model::audit::AuditEntry;
use engine::model::collection::Written;
use engine::ports::metrics::StoreMetrics;
use engine::ports::queue::Claims;
use engine::ports::schedules::FireAnswer;
use engine::ports::{StoreError, audit};
use futures_util::FutureExt;
use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::{mpsc, oneshot};

use crate::batch::insert;
use crate::entities::audit_entries::{Entity, Model};
use crate::memory::Memory;
use crate::sqlite::{self, Syncing};
use crate::transaction::{SharedLeases, Transaction};
use crate::{failed, unavailable};

/// How many commands the queue holds; callers wait while it is full.
const QUEUE_LENGTH: usize = 1024;
/// How many commands share a commit at most.
const GROUP: usize = 512;

/// A change of the database as a value, so that it can be repeated.
pub(crate) trait Command: Send + Sync + Sized + 'static {
    /// The answer, refusals included. A refusal must come before any write, since its group is committed nevertheless.
    type Answer: Answer;
    /// Whether an answered command must survive a power cut.
    const DURABLE: bool;
    /// Whether it is applied after the others of its group.
    const LAST: bool = false;

    /// Applies commands of one kind that arrived together, and returns an answer for each. No caller waits for one of
    /// them to send another, so any order is right. An error rolls all of them back.
    fn apply(
        commands: &[&Self],
        db: &Transaction,
    ) -> impl Future<Output = Result<Vec<Self::Answer>, StoreError>> + Send;

    /// Corrects what the store remembers, after the commit and before the answer.
    fn committed(&self, _answer: &Self::Answer, _memory: &Memory) {}
}

/// A command that is rare enough to be applied by itself.
pub(crate) trait SingleCommand: Send + Sync + 'static {
    /// As of a [`Command`].
    type Answer: Answer;
    /// As of a [`Command`].
    const DURABLE: bool;
    /// As of a [`Command`].
    const LAST: bool = false;

    /// Applies the command. An error rolls it back.
    fn apply(&self, db: &Transaction) -> impl Future<Output = Result<Self::Answer, StoreError>> + Send;

    /// As of a [`Command`].
    fn committed(&self, _answer: &Self::Answer, _memory: &Memory) {}
}

/// What a command answers.
pub(crate) trait Answer: Send + 'static {
    /// Whether the command may have changed something. If it has not, the audit entry of the request is not written
    /// with it.
    fn is_change(&self) -> bool {
        true
    }
}

impl<T: Send + 'static, E: Send + 'static> Answer for Result<T, E> {
    fn is_change(&self) -> bool {
        self.is_ok()
    }
}

/// None if there was nothing to change.
impl<T: Send + 'static> Answer for Option<T> {
    fn is_change(&self) -> bool {
        self.is_some()
    }
}

/// Whether there was something to change.
impl Answer for bool {
    fn is_change(&self) -> bool {
        *self
    }
}

/// How many were changed.
impl Answer for u32 {
    fn is_change(&self) -> bool {
        *self > 0
    }
}

impl Answer for Written {
    fn is_change(&self) -> bool {
        self.inserted + self.updated + self.deleted > 0
    }
}

impl Answer for () {}
impl Answer for u64 {}
impl Answer for FireAnswer {}
impl Answer for Claims {}

struct Unbatched<C>(C);

impl<C: SingleCommand> Command for Unbatched<C> {
    type Answer = C::Answer;
    const DURABLE: bool = C::DURABLE;
    const LAST: bool = C::LAST;

    async fn apply(commands: &[&Self], db: &Transaction) -> Result<Vec<C::Answer>, StoreError> {
        let mut answers = Vec::with_capacity(commands.len());
        for command in commands {
            answers.push(command.0.apply(db).await?);
        }
        Ok(answers)
    }

    fn committed(&self, answer: &Self::Answer, memory: &Memory) {
        self.0.committed(answer, memory);
    }
}

/// Sends commands to the task that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    inbox: mpsc::Sender<Message>,
}

enum Message {
    Write(Box<dyn ErasedCommand>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Starts the task. It holds the lock until the writer is closed or dropped.
    pub fn start(db: DatabaseConnection, lock: Option<File>, metrics: StoreMetrics, memory: Arc<Memory>) -> Self {
        let (inbox, messages) = mpsc::channel(QUEUE_LENGTH);
        tokio::spawn(async move {
            let (syncing, leases, alone) = (Syncing::default(), SharedLeases::default(), lock.is_some());
            let done = WriterTask { syncing, db, metrics, memory, leases, alone }.work(messages).await;
            // Another process may open the file only after it is closed.
            drop(lock);
            if let Some(done) = done {
                let _ = done.send(());
            }
        });
        Self { inbox }
    }

    /// Applies a command and returns its answer after the commit.
    pub async fn write<C: Command>(&self, command: C) -> Result<C::Answer, StoreError> {
        let (reply, answer) = oneshot::channel();
        let taken = audit::take_entry();
        let entry = taken.as_ref().map(|taken| taken.entry.clone());
        let pending = Pending { command, entry, outcome: None, reply };
        let answer = match self.inbox.send(Message::Write(Box::new(pending))).await {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(closed())),
            Err(_) => Err(closed()),
        };
        if let Some(taken) = taken
            && !answer.as_ref().is_ok_and(Answer::is_change)
        {
            taken.put_back();
        }
        answer
    }

    /// The same for a command that is applied by itself.
    pub async fn write_one<C: SingleCommand>(&self, command: C) -> Result<C::Answer, StoreError> {
        self.write(Unbatched(command)).await
    }

    /// Commits the queued commands and closes the database.
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

struct WriterTask {
    db: DatabaseConnection,
    syncing: Syncing,
    metrics: StoreMetrics,
    memory: Arc<Memory>,
    leases: SharedLeases,
    /// Whether no other process writes, so that the leases are known from one transaction to the next.
    alone: bool,
}

/// Why a group was not committed.
enum Fault {
    /// One of its commands failed.
    Command(StoreError),
    /// It could not begin or be committed.
    Transaction(DbErr),
}

impl WriterTask {
    async fn work(mut self, mut messages: mpsc::Receiver<Message>) -> Option<oneshot::Sender<()>> {
        let mut done = None;
        let mut group = Vec::new();
        while done.is_none() && messages.recv_many(&mut group, GROUP).await > 0 {
            let mut commands = Vec::with_capacity(group.len());
            for message in group.drain(..) {
                match message {
                    Message::Write(command) => commands.push(command),
                    Message::Close(reply) => done = Some(reply),
                }
            }
            self.commit(commands).await;
        }
        if let Err(error) = self.db.close_by_ref().await {
            tracing::warn!(%error, "the database did not close");
        }
        done
    }

    /// Commits all commands, or as many as possible: if a command fails, its group is halved until it is alone. If the
    /// transaction itself fails, so do all its commands.
    async fn commit(&mut self, mut commands: Vec<Box<dyn ErasedCommand>>) {
        let mut parts = vec![commands.as_mut_slice()];
        while let Some(part) = parts.pop().filter(|part| !part.is_empty()) {
            match (self.attempt(part).await, part) {
                (Ok(()), _) => {}
                (Err(Fault::Transaction(error)), all) => {
                    all.iter_mut().for_each(|command| command.fail(failed(error.clone())));
                }
                (Err(Fault::Command(error)), [only]) => only.fail(error),
                (Err(Fault::Command(_)), several) => {
                    let (first, second) = several.split_at_mut(several.len() / 2);
                    parts.extend([second, first]);
                }
            }
        }
        for command in commands {
            command.answer(&self.memory);
        }
    }

    /// Applies all commands, or none of them. If the transaction itself fails, the state of the connection is unknown,
    /// so it is replaced.
    async fn attempt(&mut self, commands: &mut [Box<dyn ErasedCommand>]) -> Result<(), Fault> {
        match AssertUnwindSafe(self.apply_in_transaction(commands)).catch_unwind().await {
            Ok(Ok(applied)) => applied.map_err(Fault::Command),
            Ok(Err(error)) => {
                self.replace_connection().await;
                Err(Fault::Transaction(error))
            }
            // A command that panics must not stop the writer.
            Err(_) => {
                self.replace_connection().await;
                Err(Fault::Command(unavailable("an error of the program stopped the change")))
            }
        }
    }

    async fn apply_in_transaction(
        &mut self,
        commands: &mut [Box<dyn ErasedCommand>],
    ) -> Result<Result<(), StoreError>, DbErr> {
        let durable = commands.iter().any(|command| command.durable());
        self.syncing.set(&self.db, durable).await?;
        if !self.alone {
            self.forget_leases();
        }
        let transaction = Transaction::begin(&self.db, &self.leases).await?;
        commands.sort_by_key(|command| (command.is_last(), command.kind()));
        if let Err(error) = apply_in_order(commands, &transaction).await {
            if let Err(trouble) = transaction.rollback().await {
                // SQLite may have rolled back by itself, for instance because the disk is full.
                tracing::warn!(%trouble, "a transaction could not be rolled back");
                self.replace_connection().await;
            }
            return Ok(Err(error));
        }
        let began = std::time::Instant::now();
        transaction.commit().await?;
        self.metrics.commit_seconds.observe(began.elapsed().as_secs_f64());
        self.metrics.commit_changes.observe(commands.len() as f64);
        Ok(Ok(()))
    }

    async fn replace_connection(&mut self) {
        // A commit that failed may have been carried out nevertheless.
        self.forget_leases();
        sqlite::reconnect(&self.db).await;
        self.memory.forget_all();
        self.syncing = Syncing::default();
    }

    fn forget_leases(&self) {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner).forget();
    }
}

/// Applies the commands, those of one kind together.
async fn apply_in_order(commands: &mut [Box<dyn ErasedCommand>], db: &Transaction) -> Result<(), StoreError> {
    for alike in commands.chunk_by_mut(|one, other| one.kind() == other.kind()) {
        alike[0].apply_all()(alike, db).await?;
    }
    let entries: Vec<_> = commands.iter().filter_map(|command| command.audit_entry()).map(Model::of).collect();
    insert::<Entity>(db, &entries, None).await?;
    db.write_leases().await
}

/// Applies commands that are all of one kind.
type ApplyAll = for<'a> fn(&'a mut [Box<dyn ErasedCommand>], &'a Transaction) -> Applied<'a>;
type Applied<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>>;

/// A queued command of any type, with the way back to its caller.
trait ErasedCommand: Any + Send {
    fn kind(&self) -> TypeId;
    fn durable(&self) -> bool;
    fn is_last(&self) -> bool;
    /// The audit entry to write with the command, if it changed something.
    fn audit_entry(&self) -> Option<&AuditEntry>;
    fn apply_all(&self) -> ApplyAll;
    fn fail(&mut self, error: StoreError);
    fn answer(self: Box<Self>, memory: &Memory);
}

struct Pending<C: Command> {
    command: C,
    /// The audit entry of the request that the command belongs to.
    entry: Option<AuditEntry>,
    outcome: Option<Result<C::Answer, StoreError>>,
    reply: oneshot::Sender<Result<C::Answer, StoreError>>,
}

impl<C: Command> ErasedCommand for Pending<C> {
    fn kind(&self) -> TypeId {
        TypeId::of::<C>()
    }

    fn durable(&self) -> bool {
        C::DURABLE
    }

    fn is_last(&self) -> bool {
        C::LAST
    }

    fn audit_entry(&self) -> Option<&AuditEntry> {
        let changed = self.outcome.as_ref().is_some_and(|outcome| outcome.as_ref().is_ok_and(Answer::is_change));
        self.entry.as_ref().filter(|_| changed)
    }

    fn apply_all(&self) -> ApplyAll {
        |alike, db| Box::pin(apply_all::<C>(alike, db))
    }

    fn fail(&mut self, error: StoreError) {
        self.outcome = Some(Err(error));
    }

    fn answer(self: Box<Self>, memory: &Memory) {
        if let Some(Ok(answer)) = &self.outcome {
            self.command.committed(answer, memory);
        }
        // The caller may have gone; the command was applied nevertheless.
        let _ = self.reply.send(self.outcome.unwrap_or_else(|| Err(closed())));
    }
}

async fn apply_all<C: Command>(alike: &mut [Box<dyn ErasedCommand>], db: &Transaction) -> Result<(), StoreError> {
    let mut pending: Vec<&mut Pending<C>> =
        alike.iter_mut().filter_map(|erased| (erased.as_mut() as &mut (dyn Any + Send)).downcast_mut()).collect();
    let commands: Vec<&C> = pending.iter().map(|pending| &pending.command).collect();
    let answers = C::apply(&commands, db).await?;
    for (pending, answer) in pending.iter_mut().zip(answers) {
        pending.outcome = Some(Ok(answer));
    }
    Ok(())
}
