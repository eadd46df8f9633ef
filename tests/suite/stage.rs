//! A host by itself, and lines opened straight at it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actions::host::{Cache, Compiler, Host, Limits};
use engine::model::action::ModuleDigest;
use engine::model::collection::{Change, Entries, Written};
use engine::model::grant::Grants;
use engine::model::module::ModuleInfo;
use engine::ports::actions::{ActionLine, Actions, Failure, LineContext, OpenLine};
use engine::ports::host_calls::{Call, Ended, HostCallError, HostCalls, JobStart};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::root;

/// What the tests compile is kept between them.
pub fn cache() -> Cache {
    Cache::at(Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")).expect("a cache")
}

pub fn compiler() -> Compiler {
    Compiler::with_program(env!("CARGO_BIN_EXE_ropewalk"))
}

/// A host of nothing, with these limits.
pub async fn host(limits: Limits) -> Host {
    Host::new(limits, compiler(), cache(), []).await.expect("a host")
}

/// A built guest.
pub fn prebuilt(name: &str) -> Vec<u8> {
    std::fs::read(root().join(format!("actions/prebuilt/{name}.wasm"))).expect("a built guest")
}

/// The hostile module, which lists its actions as the word says.
pub fn hostile(word: &str) -> Vec<u8> {
    const MARKER: &[u8] = b"ROPEWALK-HOSTILE-LIST:";
    let mut component = prebuilt("hostile");
    let found = component.windows(MARKER.len()).position(|bytes| bytes == MARKER);
    let place = found.expect("the marker") + MARKER.len();
    for (position, byte) in component[place..place + 14].iter_mut().enumerate() {
        *byte = word.as_bytes().get(position).copied().unwrap_or(b'.');
    }
    component
}

/// Loads a component that is a module.
pub async fn load(host: &Host, component: Vec<u8>) -> ModuleInfo {
    host.load(component.into()).await.expect("a module")
}

/// Grants, and notes of what was asked; there is nothing behind it.
#[derive(Default)]
pub struct GrantedCalls {
    pub grants: Grants,
    pub writes: Mutex<Vec<(String, usize, u32)>>,
    pub starts: Mutex<Vec<(String, u32)>>,
    pub dry_run: bool,
}

impl GrantedCalls {
    pub fn with(grants: Value) -> Self {
        Self { grants: Grants::read(&grants).expect("grants"), ..Self::default() }
    }
}

#[async_trait::async_trait]
impl HostCalls for GrantedCalls {
    fn grants(&self) -> &Grants {
        &self.grants
    }

    async fn get(&self, name: &str, keys: Vec<String>) -> Result<Vec<Option<Value>>, HostCallError> {
        self.grants.permit_collection("test", name, false).map_err(HostCallError::Denied)?;
        Ok(keys.iter().map(|key| (key != "absent").then(|| json!({"key": key}))).collect())
    }

    async fn find(&self, name: &str, _: &Value, _: Option<String>, _: u32) -> Result<Entries, HostCallError> {
        self.grants.permit_collection("test", name, false).map_err(HostCallError::Denied)?;
        Ok(Entries::default())
    }

    async fn before_effect(&self) -> Result<(), HostCallError> {
        Ok(())
    }

    async fn write(&self, name: &str, changes: Vec<Change>, call: Call) -> Result<Written, HostCallError> {
        self.grants.permit_collection("test", name, true).map_err(HostCallError::Denied)?;
        self.writes.lock().expect("no panic").push((name.to_owned(), changes.len(), call.number));
        let inserted = u32::try_from(changes.len()).expect("few");
        Ok(Written { inserted, ..Written::default() })
    }

    async fn outcomes(&self, _: Option<u32>, _: bool) -> Result<Option<Vec<Ended>>, HostCallError> {
        Ok(Some(Vec::new()))
    }

    async fn start(&self, start: JobStart, call: Call, _: bool) -> Result<Option<String>, HostCallError> {
        self.grants.permit_job("test", &start.job).map_err(HostCallError::Denied)?;
        self.starts.lock().expect("no panic").push((start.job, call.number));
        Ok((!self.dry_run).then(|| format!("result-{}", call.number)))
    }
}

/// A line that is to be opened, with what most tests want of it.
pub struct Opening {
    pub module: ModuleDigest,
    pub action: String,
    pub parameters: Value,
    pub host_calls: Arc<GrantedCalls>,
    pub dry_run: bool,
    pub timeout: Duration,
    pub cancellation: CancellationToken,
}

impl Opening {
    pub fn of(module: &ModuleInfo, action: &str, parameters: Value) -> Self {
        Self {
            module: module.named(),
            action: action.to_owned(),
            parameters,
            host_calls: Arc::default(),
            dry_run: false,
            timeout: Duration::from_secs(10),
            cancellation: CancellationToken::new(),
        }
    }

    /// What the hostile module does, granted whatever it asks for on this machine.
    pub fn misbehave(module: &ModuleInfo, parameters: Value) -> Self {
        let host_calls = GrantedCalls::with(json!({"http": {"hosts": ["*"], "addresses": ["127.0.0.0/8"]}}));
        Self { host_calls: Arc::new(host_calls), ..Self::of(module, "misbehave", parameters) }
    }

    pub async fn open(self, host: &Host) -> Result<Box<dyn ActionLine>, Failure> {
        let context = LineContext {
            job_result: "result".to_owned(),
            line_no: 10,
            attempt: 1,
            idempotency_key: "result:10".to_owned(),
            now: "2026-11-20T07:00:00+01:00".to_owned(),
            since: None,
            organization: "main".to_owned(),
            arguments: json!({}),
            dates: json!({"today": "2026-11-20"}),
            dry_run: self.dry_run,
        };
        let Self { module, action, parameters, host_calls, timeout, cancellation, .. } = self;
        host.open(OpenLine {
            module,
            action,
            parameters: parameters.into(),
            context,
            host_calls,
            timeout,
            cancellation,
            listener: Arc::new(()),
        })
        .await
    }

    /// Opens the line, and hands it one record.
    pub async fn take(self, host: &Host) -> Result<Box<dyn ActionLine>, Failure> {
        let mut line = self.open(host).await?;
        line.take(0, &[json!({"n": 1})]).await?;
        Ok(line)
    }
}
