//! Job files compared with what a server has.

use std::collections::BTreeSet;
use std::path::PathBuf;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use engine::model::filter_template::named_in;
use engine::model::job::Part;
use serde_json::{Value, json};

use crate::Failed;
use crate::api_client::Server;
use crate::api_client::documents::{Kind, SavedDocument};
use crate::display::plain;
use crate::job_folder::FileDocument;

/// What the files change on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The server does not have it.
    New,
    /// The server has it with another content.
    Changed,
    /// The server has the same.
    Unchanged,
    /// Only the server has it.
    Deleted,
}

/// One document, in a file or on the server or both.
pub struct Compared {
    /// What it is.
    pub kind: Kind,
    /// Its key.
    pub key: String,
    /// What changes.
    pub change: Change,
    /// The file and the content there.
    pub local: Option<(PathBuf, Part)>,
    /// What the server has.
    pub saved: Option<SavedDocument>,
}

impl Change {
    /// The word for tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
        }
    }
}

impl Compared {
    fn of(document: FileDocument, saved: Option<SavedDocument>) -> Self {
        let change = match &saved {
            None => Change::New,
            // The order of fields is part of a job: actions add fields to records in that order.
            Some(saved) if text_of(&saved.document) == text_of(&document.part.document) => Change::Unchanged,
            Some(_) => Change::Changed,
        };
        let FileDocument { kind, key, file, part } = document;
        Self { kind, key, change, local: Some((file, part)), saved }
    }

    fn only_on_server(kind: Kind, saved: SavedDocument) -> Self {
        Self { kind, key: saved.key.clone(), change: Change::Deleted, local: None, saved: Some(saved) }
    }

    /// The content in the file.
    pub fn document(&self) -> Option<&Value> {
        self.local.as_ref().map(|(_, part)| &part.document)
    }

    /// The version on the server, 0 if it has none.
    pub fn version(&self) -> u64 {
        self.saved.as_ref().map_or(0, |saved| saved.version)
    }

    /// `job nightly`.
    pub fn name(&self) -> String {
        format!("{} {}", self.kind.noun(), plain(&self.key))
    }

    /// The file for people; empty if there is none.
    pub fn file(&self) -> String {
        self.local.as_ref().map_or_else(String::new, |(file, _)| plain(&file.display().to_string()))
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        json!({
            "kind": self.kind.word(),
            "key": self.key,
            "file": self.local.as_ref().map(|(file, _)| file),
            "change": self.change.word(),
            "version": self.saved.as_ref().map(|saved| saved.version),
        })
    }
}

/// A document as files show it: indented JSON with its fields in their order.
pub fn text_of(document: &Value) -> String {
    format!("{document:#}\n")
}

/// Compares documents with those of a server, where `templates` are all that the server has.
pub async fn compare(
    server: &Server,
    documents: Vec<FileDocument>,
    templates: &[SavedDocument],
) -> Result<Vec<Compared>, Failed> {
    let mut compared = Vec::new();
    for document in documents {
        let saved = match document.kind {
            Kind::Template => templates.iter().find(|template| template.key == document.key).cloned(),
            Kind::Job => server.job_document(&document.key).await?,
        };
        compared.push(Compared::of(document, saved));
    }
    Ok(compared)
}

/// What only the server has: jobs, then the templates of the organization that no job of the files uses.
pub async fn missing_in_files(
    server: &Server,
    compared: &[Compared],
    templates: &[SavedDocument],
) -> Result<Vec<Compared>, Failed> {
    let in_files: BTreeSet<_> = compared.iter().map(|document| (document.kind, document.key.as_str())).collect();
    let used: BTreeSet<_> = compared.iter().filter_map(Compared::document).flat_map(named_in).collect();
    let jobs = server.job_versions().await?.into_iter().map(|job| (Kind::Job, job));
    let own = templates.iter().filter(|template| !template.global && !used.contains(&template.key));
    let templates = own.map(|template| (Kind::Template, template.clone()));
    let missing = jobs.chain(templates).filter(|(kind, saved)| !in_files.contains(&(*kind, saved.key.as_str())));
    Ok(missing.map(|(kind, saved)| Compared::only_on_server(kind, saved)).collect())
}

/// A row for each document.
pub fn table(compared: &[Compared]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["change", "what", "key", "version", "file"]);
    for document in compared {
        let version = document.saved.as_ref().map_or_else(String::new, |saved| saved.version.to_string());
        let what = document.kind.noun().to_owned();
        table.add_row([document.change.word().to_owned(), what, plain(&document.key), version, document.file()]);
    }
    table
}
