//! A small world to call: two organizations, an engine on stores in memory that count
//! what they are asked and fail when they are told to, and a clock that stands.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_graphql::async_trait::async_trait;
use async_graphql::{Request, Response};
use engine::engine::Engine;
use engine::model::Instant;
use engine::model::action::{ActionSpec, Intake};
use engine::model::grant::Capability;
use engine::model::lifecycle::retention::Retention;
use engine::model::lifecycle::waiting::Waiting;
use engine::model::module::ModuleInfo;
use engine::model::organization::{Access, OrgScope, Role};
use engine::model::result::{JobResult, LineResult, ResultId};
use engine::model::status::Status;
use engine::model::token::TokenScope;
use engine::ports::actions::{ActionLine, Actions, Failure, LineOutput, OpenLine};
use engine::ports::clock::StandingClock;
use engine::ports::files::Folder;
use engine::ports::parts::{Part, PartKind};
use engine::ports::results::{
    Endings, History, Kill, KillError, LinesOf, NewResult, Pruned, ResultFilter, ResultRelation, StartError, Started,
    Starts,
};
use engine::ports::stores::Stores;
use engine::ports::{Listed, Page, StoreError};
use engine::services::organizations::NewOrganization;
use memory::MemoryStore;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};

use super::talker::Talker;
use crate::budget::ANSWER_BYTES;
use crate::connections::{Connections, Limits};
use crate::options::Options;
use crate::state::{ApiState, Credentials};

/// The world.
pub(super) struct World {
    pub(super) engine: Engine,
    pub(super) clock: Arc<StandingClock>,
    pub(super) results: Arc<Counting>,
    pub(super) state: ApiState,
    /// How many messages talking lines may say.
    pub(super) permits: Arc<Semaphore>,
    /// A token of a server administrator.
    pub(super) root: String,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(super) async fn with(options: Options) -> Self {
        let store = Arc::new(MemoryStore::new());
        let results = Arc::new(Counting::of(store.clone()));
        let stores =
            Stores { starts: results.clone(), history: results.clone(), endings: results.clone(), ..Stores::of(store) };
        let clock = Arc::new(StandingClock::at("2026-03-01T08:00:00Z".parse::<Instant>().unwrap()));
        let permits = Arc::new(Semaphore::new(0));
        let files = Arc::new(Folder::open_from("nowhere"));
        let engine = Engine::new(stores, Arc::new(OneAction(permits.clone())), files, clock.clone());
        for key in ["main", "other"] {
            let new = NewOrganization { key: key.into(), name: key.into(), time_zone: "Europe/Madrid".into() };
            engine.organizations().add(new).await.unwrap();
        }
        let root = engine.tokens().issue("root", TokenScope::Server, None, None).await.unwrap().text;
        let (_, closing) = watch::channel(false);
        let state = ApiState::new(engine.clone(), options, Connections::new(Limits::default()), closing);
        Self { engine, clock, results, state, permits, root }
    }

    /// A token for the organization `main`.
    pub(super) async fn token(&self, role: Role) -> String {
        self.token_until(role, None).await
    }

    pub(super) async fn token_until(&self, role: Role, end: Option<Instant>) -> String {
        let main = self.engine.organizations().find("main").await.unwrap().unwrap();
        let scope = TokenScope::Organization(main.id, role);
        self.engine.tokens().issue(role.word(), scope, end, None).await.unwrap().text
    }

    /// A caller with this role in `main`.
    pub(super) async fn caller(&self, role: Role) -> Access {
        let credentials = Credentials { token: self.token(role).await, organization: None };
        self.state.authenticate(Some(&credentials)).await.unwrap()
    }

    /// The server administrator, in an organization.
    pub(super) async fn administrator(&self, organization: &str) -> Access {
        let credentials = Credentials { token: self.root.clone(), organization: Some(organization.into()) };
        self.state.authenticate(Some(&credentials)).await.unwrap()
    }

    /// Asks as `caller`; the whole answer.
    pub(super) async fn ask(&self, caller: &Access, document: &str, variables: Value) -> Response {
        let request = Request::new(document).variables(async_graphql::Variables::from_json(variables));
        self.state.schema.execute(self.state.prepare(request, caller.clone(), self.state.budget(ANSWER_BYTES))).await
    }

    /// Asks as an administrator of `main`; the data, since nothing may be refused.
    pub(super) async fn data(&self, document: &str, variables: Value) -> Value {
        let answer = self.ask(&self.administrator("main").await, document, variables).await;
        assert_eq!(answer.errors, [], "{document}");
        answer.data.into_json().unwrap()
    }

    /// Saves a job with two lines: three inline records, of which two stay.
    pub(super) async fn save(&self, key: &str) {
        self.save_document(job(key)).await;
    }

    /// Saves a job.
    pub(super) async fn save_document(&self, job: Value) {
        let document =
            "mutation ($document: JSON!) { saveJob(input: {document: $document}) { userErrors { path message } } }";
        let saved = self.data(document, json!({"document": job})).await;
        assert_eq!(saved["saveJob"]["userErrors"], json!([]));
    }

    /// Starts a job; the global id of its result.
    pub(super) async fn start(&self, key: &str) -> String {
        let document =
            "mutation ($job: String!) { runJob(input: {job: $job}) { jobResult { id } userErrors { message } } }";
        let started = self.data(document, json!({"job": key})).await;
        started["runJob"]["jobResult"]["id"].as_str().unwrap().to_owned()
    }

    /// Performs what waits.
    pub(super) async fn work(&self) {
        while self.engine.worker(1).step().await.unwrap().is_some() {}
    }
}

/// A job with two lines: three inline records, of which two stay.
pub(super) fn job(key: &str) -> Value {
    json!({
        "key": key,
        "name": "A job",
        "description": "For tests",
        "arguments": {"properties": {"top": {"type": "integer", "default": 5}}, "additionalProperties": false},
        "lines": [
            {"lineNo": 10, "name": "all", "filter": {"source": {"inline": [{"n": 1}, {"n": 2}, {"n": 3}]}}},
            {"lineNo": 20, "filter": {"where": {"n": {"gt": 1}}}},
        ],
    })
}

/// The code of the first error.
pub(super) fn code(answer: &Response) -> String {
    let extensions = answer.errors.first().and_then(|error| error.extensions.as_ref());
    match extensions.and_then(|extensions| extensions.get("code")) {
        Some(async_graphql::Value::String(code)) => code.clone(),
        _ => String::new(),
    }
}

/// One action, which talks.
struct OneAction(Arc<Semaphore>);

fn info(key: &str, version: &str, digest: &str, actions: Vec<ActionSpec>) -> ModuleInfo {
    ModuleInfo {
        key: key.into(),
        version: version.parse().unwrap(),
        digest: digest.into(),
        size: 7,
        description: None,
        authors: None,
        licence: None,
        capabilities: [Capability::Log, Capability::Http].into(),
        actions,
    }
}

#[async_trait]
impl Actions for OneAction {
    fn bundled(&self) -> Vec<ModuleInfo> {
        let spec = ActionSpec {
            module: "standard".into(),
            name: "sort".into(),
            title: "Sort".into(),
            summary: "Sorts the records.".into(),
            parameters: json!({"type": "object"}),
            intake: Intake::Whole,
        };
        vec![info("standard", "1.0.0", "standard", vec![spec])]
    }

    /// A component is `key@version`, of a module with one action.
    async fn load(&self, component: Arc<[u8]>) -> Result<ModuleInfo, Vec<String>> {
        let text = String::from_utf8_lossy(&component).into_owned();
        let Some((key, version)) = text.split_once('@') else {
            return Err(vec!["it is not a component".into(), "it has no version".into()]);
        };
        let spec = ActionSpec {
            module: key.into(),
            name: "send".into(),
            title: "Send".into(),
            summary: "Sends the records.".into(),
            parameters: json!({"type": "object"}),
            intake: Intake::Batches,
        };
        Ok(info(key, version, &text, vec![spec]))
    }

    async fn recall(&self, _: &str) -> bool {
        true
    }

    fn unload(&self, _: &str) {}

    async fn open(&self, line: OpenLine) -> Result<Box<dyn ActionLine>, Failure> {
        Ok(Box::new(Talker::of(line, self.0.clone())))
    }
}

/// A history that counts what it is asked, and fails when it is told to.
pub(super) struct Counting {
    store: Arc<MemoryStore>,
    asked: AtomicUsize,
    pub(super) broken: AtomicBool,
}

impl Counting {
    fn of(store: Arc<MemoryStore>) -> Self {
        Self { store, asked: AtomicUsize::new(0), broken: AtomicBool::new(false) }
    }

    /// How often it was asked since it was last asked this.
    pub(super) fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }

    fn ask(&self) -> Result<&MemoryStore, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.broken.load(Ordering::SeqCst) {
            true => Err(StoreError::Unavailable("password=hunter2".into())),
            false => Ok(&self.store),
        }
    }
}

#[async_trait]
impl Starts for Counting {
    async fn start(&self, scope: OrgScope, start: NewResult) -> Result<Started, StartError> {
        Starts::start(self.ask()?, scope, start).await
    }

    async fn started_as(&self, scope: OrgScope, key: &str) -> Result<Option<(JobResult, String)>, StoreError> {
        Starts::started_as(self.ask()?, scope, key).await
    }

    async fn started_under(
        &self,
        scope: OrgScope,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<(String, JobResult)>, StoreError> {
        Starts::started_under(self.ask()?, scope, prefix, limit).await
    }

    async fn last_success(&self, scope: OrgScope, job: &str) -> Result<Option<Instant>, StoreError> {
        Starts::last_success(self.ask()?, scope, job).await
    }

    async fn ended_before(&self, scope: OrgScope, job: &str, before: ResultId) -> Result<Option<Status>, StoreError> {
        Starts::ended_before(self.ask()?, scope, job, before).await
    }

    async fn count_open(&self, scope: OrgScope) -> Result<u64, StoreError> {
        // Not counted: it is asked once a second.
        Starts::count_open(&*self.store, scope).await
    }
}

#[async_trait]
impl History for Counting {
    async fn find(&self, scope: OrgScope, id: ResultId) -> Result<Option<JobResult>, StoreError> {
        History::find(self.ask()?, scope, id).await
    }

    async fn list(
        &self,
        scope: OrgScope,
        filter: &ResultFilter,
        page: Page<ResultId>,
    ) -> Result<Listed<JobResult>, StoreError> {
        History::list(self.ask()?, scope, filter, page).await
    }

    async fn count(&self, scope: OrgScope, filter: &ResultFilter) -> Result<u64, StoreError> {
        History::count(self.ask()?, scope, filter).await
    }

    async fn lines_within(
        &self,
        scope: OrgScope,
        lines: LinesOf<'_>,
        most: usize,
    ) -> Result<Listed<(ResultId, LineResult)>, StoreError> {
        History::lines_within(self.ask()?, scope, lines, most).await
    }

    async fn waiting(&self, scope: OrgScope, ids: &[ResultId]) -> Result<Vec<(ResultId, Waiting)>, StoreError> {
        History::waiting(self.ask()?, scope, ids).await
    }

    async fn parts(
        &self,
        scope: OrgScope,
        id: ResultId,
        set: (u32, PartKind),
        from: u32,
        limit: u32,
    ) -> Result<Vec<Part>, StoreError> {
        History::parts(self.ask()?, scope, id, set, from, limit).await
    }

    async fn related(
        &self,
        scope: OrgScope,
        id: ResultId,
        relation: ResultRelation,
    ) -> Result<Vec<ResultId>, StoreError> {
        History::related(self.ask()?, scope, id, relation).await
    }
}

#[async_trait]
impl Endings for Counting {
    async fn kill(&self, scope: OrgScope, id: ResultId, kill: Kill) -> Result<JobResult, KillError> {
        Endings::kill(self.ask()?, scope, id, kill).await
    }

    async fn append_output(
        &self,
        scope: OrgScope,
        id: ResultId,
        line_no: u32,
        output: &LineOutput,
    ) -> Result<(), StoreError> {
        Endings::append_output(self.ask()?, scope, id, line_no, output).await
    }

    async fn prune(&self, keep: Retention, now: Instant) -> Result<Pruned, StoreError> {
        Endings::prune(self.ask()?, keep, now).await
    }
}
