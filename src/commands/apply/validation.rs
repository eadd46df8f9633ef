//! Finds every fault of jobs and filter templates before anything is saved.
//!
//! The server checks jobs with the templates that it has. What depends on templates that are saved in the same command
//! is checked here, by the code that the server uses.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::model::catalogue::{Catalogue, Choice};
use engine::model::filter_template::{FilterTemplate, Templates};
use engine::model::job::Job;
use serde_json::{Value, json};

use crate::Failed;
use crate::api_client::Server;
use crate::api_client::documents::{Kind, SavedDocument};
use crate::comparison::{Change, Compared};

pub use engine::model::fault::Fault;

/// The faults of each document that has some. Their paths are those in the file.
pub async fn faults<'a>(
    server: &Server,
    plan: &'a [Compared],
    saved: &[SavedDocument],
) -> Result<Vec<(&'a Compared, Vec<Fault>)>, Failed> {
    let mut all = Vec::new();
    let before = read_templates(saved.iter().map(|template| &template.document));
    let in_files = plan.iter().filter(|document| document.kind == Kind::Template).filter_map(Compared::document);
    let after = read_templates(saved.iter().map(|template| &template.document).chain(in_files));
    let changing = plan.iter().filter(|document| matches!(document.change, Change::New | Change::Changed));
    let new = changing.clone().filter(|document| document.kind == Kind::Template);
    let new: BTreeSet<_> = new.map(|document| document.key.clone()).collect();
    for document in changing {
        let Some((_, part)) = &document.local else { continue };
        let faults = match document.kind {
            Kind::Template => faults_of_template(server, document, &part.document, &before, &after).await?,
            Kind::Job => {
                let mut faults = server.faults_of_job(&without_templates(&part.document, &new)).await?;
                faults.extend(faults_of_filters(&part.document, &new, &after));
                faults
            }
        };
        if !faults.is_empty() {
            all.push((document, faults.into_iter().map(|fault| part.in_file(fault)).collect()));
        }
    }
    Ok(all)
}

/// A catalogue of templates without modules. The last one with a key counts, and a template with faults is left out.
fn read_templates<'a>(documents: impl Iterator<Item = &'a Value>) -> Catalogue {
    let templates = documents.filter_map(|document| FilterTemplate::read(document, 0).ok());
    Catalogue::default().with_templates(Templates::new(templates.map(Arc::new)))
}

/// The faults of a template, and those that jobs which use it would have with it, and do not have now.
async fn faults_of_template(
    server: &Server,
    compared: &Compared,
    document: &Value,
    before: &Catalogue,
    after: &Catalogue,
) -> Result<Vec<Fault>, Failed> {
    if compared.saved.as_ref().is_some_and(|saved| saved.global) {
        let message = "all organizations share the filter template with this key; choose another key";
        return Ok(vec![Fault::at("key", message)]);
    }
    if let Err(faults) = FilterTemplate::read(document, 0) {
        return Ok(faults);
    }
    if compared.saved.is_none() {
        return Ok(Vec::new());
    }
    let (keys, mut all) = (BTreeSet::from([compared.key.clone()]), Vec::new());
    for job in server.users_of_template(&compared.key).await? {
        let old = faults_of_filters(&job.document, &keys, before);
        let faults = faults_of_filters(&job.document, &keys, after).into_iter().filter(|fault| !old.contains(fault));
        all.extend(faults.map(|fault| Fault::at("", format!("job `{}` would break: {fault}", job.key))));
    }
    Ok(all)
}

/// Whether a line has a filter that uses one of these templates.
fn uses(line: &Value, templates: &BTreeSet<String>) -> bool {
    line["filter"]["template"].as_str().is_some_and(|key| templates.contains(key))
}

fn map_lines(document: &Value, change: impl Fn(&mut Value)) -> Value {
    let mut document = document.clone();
    if let Some(lines) = document.get_mut("lines").and_then(Value::as_array_mut) {
        lines.iter_mut().for_each(change);
    }
    document
}

/// A job for the server to check, in which filters do not use these templates.
fn without_templates(document: &Value, templates: &BTreeSet<String>) -> Value {
    map_lines(document, |line| {
        if uses(line, templates)
            && let Some(filter) = line["filter"].as_object_mut()
        {
            filter.shift_remove("template");
            filter.shift_remove("values");
        }
    })
}

/// The faults of the filters of a job that use these templates, which are in the catalogue.
fn faults_of_filters(document: &Value, templates: &BTreeSet<String>, catalogue: &Catalogue) -> Vec<Fault> {
    let lines: Vec<Value> = document["lines"].as_array().cloned().unwrap_or_default();
    let affected = lines.iter().enumerate().filter(|(_, line)| uses(line, templates));
    let paths: Vec<_> = affected.map(|(index, _)| format!("lines[{index}].filter")).collect();
    if paths.is_empty() {
        return Vec::new();
    }
    // Without the modules, other lines would have faults; their names and numbers remain.
    let mut job = map_lines(document, |line| {
        if uses(line, templates) {
            line["filter"].as_object_mut().and_then(|filter| filter.shift_remove("script"));
        } else {
            *line = stand_in(line);
        }
    });
    job.as_object_mut().and_then(|job| job.shift_remove("notify"));
    let faults = Job::read(&job, catalogue, Choice::Newest(&[])).err().unwrap_or_default();
    let at_filter = |fault: &Fault| {
        let below = |path: &String| fault.path.strip_prefix(path.as_str());
        paths.iter().filter_map(below).any(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    faults.into_iter().filter(at_filter).collect()
}

/// A filter line in the place of another line.
fn stand_in(line: &Value) -> Value {
    let mut filter = json!({"filter": {}});
    for name in ["name", "lineNo"] {
        if let Some(value) = line.get(name) {
            filter[name] = value.clone();
        }
    }
    filter
}
