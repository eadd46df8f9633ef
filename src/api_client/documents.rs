//! The jobs and filter templates of a server, as documents of job files.

use engine::model::fault::Fault;
use serde_json::{Value, json};

use super::Server;
use crate::Failed;

/// What a document is. Templates come first, because jobs that use them can only be saved after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A filter template.
    Template,
    /// A job.
    Job,
}

/// The newest version of a document on a server.
#[derive(Debug, Clone)]
pub struct SavedDocument {
    /// Its key.
    pub key: String,
    /// Number of the version.
    pub version: u64,
    /// The job or the template.
    pub document: Value,
    /// Whether it is a template that all organizations share.
    pub global: bool,
}

const JOB: &str = "query ($key: String!) { job(key: $key) { key version document } }";
const JOBS: &str = "query ($first: Int!, $after: String) { jobs(first: $first, after: $after) {
    nodes { key version document } pageInfo { hasNextPage endCursor } } }";
const KEYS: &str = "query ($first: Int!, $after: String) { jobs(first: $first, after: $after) {
    nodes { key version } pageInfo { hasNextPage endCursor } } }";
const TEMPLATES: &str = "query ($first: Int!, $after: String) { filterTemplates(first: $first, after: $after) {
    nodes { key version document global } pageInfo { hasNextPage endCursor } } }";
const USERS: &str = "query ($key: String!) { filterTemplate(key: $key) { usedBy { job version } } }";
const VALIDATE: &str = "query ($document: JSON!) { validateJob(document: $document) { path message } }";
const SAVE_JOB: &str = "mutation ($document: JSON!, $edits: Int!) {
    saveJob(input: {document: $document, edits: $edits}) { job { version } userErrors { code path message } } }";
const SAVE_TEMPLATE: &str = "mutation ($document: JSON!, $edits: Int!) {
    saveFilterTemplate(input: {document: $document, edits: $edits}) {
    filterTemplate { version } userErrors { code path message } } }";
const DELETE_JOB: &str = "mutation ($key: String!, $edits: Int!) {
    deleteJob(input: {key: $key, edits: $edits}) { userErrors { code path message } } }";
const DELETE_TEMPLATE: &str = "mutation ($key: String!) {
    deleteFilterTemplate(input: {key: $key}) { userErrors { code path message } } }";

impl Kind {
    /// What messages call it.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Template => "filter template",
            Self::Job => "job",
        }
    }

    /// What JSON calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Template => "filterTemplate",
            Self::Job => "job",
        }
    }
}

impl Server {
    /// The newest version of a job.
    pub async fn job_document(&self, key: &str) -> Result<Option<SavedDocument>, Failed> {
        let job = self.ask(JOB, json!({"key": key})).await?["job"].take();
        Ok((!job.is_null()).then(|| saved_document(job)))
    }

    /// The newest versions of all jobs.
    pub async fn job_documents(&self) -> Result<Vec<SavedDocument>, Failed> {
        let jobs = self.list("jobs", JOBS, json!({}), usize::MAX).await?;
        Ok(jobs.into_iter().map(saved_document).collect())
    }

    /// The same without their documents, which are null.
    pub async fn job_versions(&self) -> Result<Vec<SavedDocument>, Failed> {
        let jobs = self.list("jobs", KEYS, json!({}), usize::MAX).await?;
        Ok(jobs.into_iter().map(saved_document).collect())
    }

    /// The newest versions of all filter templates that the jobs of the organization may use.
    pub async fn template_documents(&self) -> Result<Vec<SavedDocument>, Failed> {
        let templates = self.list("filterTemplates", TEMPLATES, json!({}), usize::MAX).await?;
        Ok(templates.into_iter().map(saved_document).collect())
    }

    /// The jobs whose newest version uses a filter template.
    pub async fn users_of_template(&self, key: &str) -> Result<Vec<SavedDocument>, Failed> {
        let users = self.ask(USERS, json!({"key": key})).await?["filterTemplate"]["usedBy"].take();
        let mut jobs: Vec<SavedDocument> = Vec::new();
        for user in users.as_array().into_iter().flatten() {
            let job = self.job_document(user["job"].as_str().unwrap_or_default()).await?;
            // The results of older versions keep the template with which they started.
            jobs.extend(job.filter(|job| json!(job.version) == user["version"]));
        }
        Ok(jobs)
    }

    /// The faults that would keep a job from being saved.
    pub async fn faults_of_job(&self, document: &Value) -> Result<Vec<Fault>, Failed> {
        let faults = self.ask(VALIDATE, json!({"document": document})).await?["validateJob"].take();
        let text = |fault: &Value, name: &str| fault[name].as_str().unwrap_or_default().to_owned();
        let faults = faults.as_array().cloned().unwrap_or_default();
        Ok(faults.iter().map(|fault| Fault::at(text(fault, "path"), text(fault, "message"))).collect())
    }

    /// Saves a document after version `edits`, 0 for a new one, and returns the new version.
    pub async fn save_document(&self, kind: Kind, document: &Value, edits: u64) -> Result<u64, Failed> {
        let variables = json!({"document": document, "edits": edits});
        let saved = match kind {
            Kind::Template => {
                self.change("saveFilterTemplate", SAVE_TEMPLATE, variables).await?["filterTemplate"].take()
            }
            Kind::Job => self.change("saveJob", SAVE_JOB, variables).await?["job"].take(),
        };
        Ok(saved["version"].as_u64().unwrap_or_default())
    }

    /// Deletes a document; a job only if this is still its newest version.
    pub async fn delete_document(&self, kind: Kind, key: &str, version: u64) -> Result<(), Failed> {
        match kind {
            Kind::Template => self.change("deleteFilterTemplate", DELETE_TEMPLATE, json!({"key": key})).await,
            Kind::Job => self.change("deleteJob", DELETE_JOB, json!({"key": key, "edits": version})).await,
        }
        .map(drop)
    }
}

fn saved_document(mut node: Value) -> SavedDocument {
    SavedDocument {
        key: node["key"].as_str().unwrap_or_default().to_owned(),
        version: node["version"].as_u64().unwrap_or_default(),
        document: node["document"].take(),
        global: node["global"] == json!(true),
    }
}
