//! Single lines, performed by the host without an engine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actions::host::Host;
use engine::model::filter::Filter;
use engine::ports::actions::{Actions, Failure, LineContext, OpenLine};
use engine::ports::host_calls::NoHostCalls;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::timing::Times;
use crate::Failed;

const TIMES: usize = 500;
const FILTERED: usize = 1_000_000;

pub async fn rows(host: &Arc<Host>) -> Result<Vec<Value>, Failed> {
    let (small, large) = (records(100), records(1000));
    let sort = json!({"by": ["-total"]});
    let set = json!({"add": {"checked": true}});
    let map = json!({"script": "return records.filter(r => r.total > 50).map(r => ({ ...r, tax: r.total * 0.21 }))"});
    let nothing = json!({"script": "return"});
    Ok(vec![
        opened(host, "standard/set", &set, "open standard/set: a fresh instance, ready").await?,
        opened(host, "js/js", &nothing, "open js: a fresh instance, context ready, script parsed").await?,
        line(host, "standard/set", &set, &small, "line standard/set, 100 records").await?,
        line(host, "standard/sort", &sort, &small, "line standard/sort, 100 records").await?,
        line(host, "js/js", &map, &small, "line js filter and map, 100 records").await?,
        line(host, "standard/set", &set, &large, "line standard/set, 1000 records").await?,
        line(host, "js/js", &map, &large, "line js filter and map, 1000 records").await?,
        filter(),
    ])
}

/// Records like those of invoices.
pub fn records(count: usize) -> Vec<Value> {
    (0..count).map(|id| json!({"id": id, "name": format!("customer {id}"), "total": id % 100})).collect()
}

/// `action` is `module/action`.
fn open_line(host: &Host, action: &str, parameters: &Value) -> Result<OpenLine, Failed> {
    let (key, action) = action.split_once('/').unwrap_or((action, action));
    let module = host.bundled().into_iter().find(|info| info.key == key);
    let module = module.ok_or_else(|| Failed::Broken(format!("there is no module `{key}`")))?.named();
    let now = "2026-11-20T07:00:00Z".to_owned();
    let context = LineContext {
        job_result: "bench".to_owned(),
        line_no: 10,
        attempt: 1,
        idempotency_key: "bench:10".to_owned(),
        now,
        since: None,
        organization: "main".to_owned(),
        arguments: json!({}),
        dates: json!({"today": "2026-11-20"}),
        dry_run: false,
    };
    let (timeout, cancellation) = (Duration::from_secs(60), CancellationToken::new());
    let (action, parameters, host_calls) =
        (action.to_owned(), Arc::new(parameters.clone()), Arc::new(NoHostCalls::default()));
    Ok(OpenLine { module, action, parameters, context, host_calls, timeout, cancellation, listener: Arc::new(()) })
}

fn broken(failure: Failure) -> Failed {
    Failed::Broken(failure.message)
}

async fn opened(host: &Arc<Host>, action: &str, parameters: &Value, name: &str) -> Result<Value, Failed> {
    let mut times = Times::default();
    for _ in 0..TIMES {
        let open = open_line(host, action, parameters)?;
        let began = Instant::now();
        let line = host.open(open).await.map_err(broken)?;
        times.note(began);
        drop(line);
    }
    Ok(times.row(name))
}

async fn line(host: &Arc<Host>, action: &str, parameters: &Value, set: &[Value], name: &str) -> Result<Value, Failed> {
    let mut times = Times::default();
    for _ in 0..TIMES {
        let open = open_line(host, action, parameters)?;
        let began = Instant::now();
        let mut line = host.open(open).await.map_err(broken)?;
        line.take(0, set).await.map_err(broken)?;
        line.close().await.map_err(broken)?;
        drop(line);
        times.note(began);
    }
    Ok(times.row(name))
}

fn filter() -> Value {
    let set = records(FILTERED);
    let definition = json!({"where": {"total": {"gt": 50}, "name": {"startsWith": "customer 1"}}});
    let Ok(Ok(filter)) = "UTC".parse().map(|zone| Filter::read(&definition, "filter", zone)) else {
        return Value::Null;
    };
    let began = Instant::now();
    let kept = set.iter().filter(|record| filter.keeps(record)).count();
    let per_second = (FILTERED as f64 / began.elapsed().as_secs_f64()).round();
    json!({"row": "filter in memory, two tests", "records": FILTERED, "kept": kept, "records_per_s": per_second})
}
