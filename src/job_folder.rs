//! Reads all jobs and filter templates of a job file, or of the job files in a folder and the folders in it. Files in
//! which nothing looks like a job, such as data, are left out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::model::fault::Fault;
use engine::model::job::Part;
use serde_json::Value;

use crate::api_client::documents::Kind;
use crate::{Failed, job_file};

/// How many files a folder may have, so that a command in the wrong folder ends soon.
const MOST_FILES: usize = 10_000;
const DEEPEST: usize = 16;

/// A job or a filter template of a file.
pub struct FileDocument {
    /// What it is.
    pub kind: Kind,
    /// Its key.
    pub key: String,
    /// The file.
    pub file: PathBuf,
    /// Where it is in the file, and its content.
    pub part: Part,
}

/// Reads them, the templates first. Files that are too large for a job file hold data and are left out, unless the folder
/// must be read `completely`, because what it does not have is deleted.
///
/// # Errors
/// Every file that cannot be read, and every key that is missing or used twice.
pub fn read(path: &Path, completely: bool) -> Result<Vec<FileDocument>, Failed> {
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        files.clear();
        add_files(path, 0, &mut files)?;
        files.retain(|file| completely || is_small(file));
        files.sort();
    }
    let (mut documents, mut faults) = (Vec::new(), Vec::new());
    for file in files {
        match read_one(&file, file == path) {
            Ok(more) => documents.extend(more),
            Err(message) => faults.push(message),
        }
    }
    documents.sort_by_key(|document| document.kind);
    faults.extend(repeated_keys(&documents));
    if !faults.is_empty() {
        return Err(Failed::Refused(faults.join("\n")));
    }
    if documents.is_empty() {
        let message = format!("{}: there are no job files (.yaml, .yml or .json) in this folder", path.display());
        return Err(Failed::Refused(message));
    }
    Ok(documents)
}

/// What a name hides is left out. Folders that are links are refused, since they may lead in a circle.
fn add_files(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failed> {
    let unreadable =
        |error: std::io::Error| Failed::Refused(format!("{}: the folder cannot be read: {error}", folder.display()));
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type().map_err(unreadable)?.is_dir() {
            match depth < DEEPEST {
                true => add_files(&path, depth + 1, files)?,
                false => return Err(Failed::Refused(format!("{}: the folders are too deep", path.display()))),
            }
        } else if path.is_dir() {
            let message = format!("{}: this is a link to a folder; name that folder by itself", path.display());
            return Err(Failed::Refused(message));
        } else if is_job_file(&path) {
            files.push(path);
        }
        if files.len() > MOST_FILES {
            let message = format!("{}: there are more than {MOST_FILES} job files in this folder", folder.display());
            return Err(Failed::Refused(message));
        }
    }
    Ok(())
}

/// Whether the name is that of a job file.
fn is_job_file(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    ["yaml", "yml", "json"].contains(&ending.as_str()) && path.is_file()
}

fn is_small(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.len() <= job_file::MAX_BYTES)
}

/// Whether something in a file looks like a job. With a fault in it, it is refused and not left out.
fn has_jobs(document: &Value) -> bool {
    ["key", "lines", "jobs", "filterTemplates"].iter().any(|name| document.get(name).is_some())
}

fn read_one(path: &Path, was_named: bool) -> Result<Vec<FileDocument>, String> {
    let message = |failed: Failed| failed.into_report().message;
    let document = job_file::read_document(path).map_err(message)?;
    if !was_named && !has_jobs(&document) {
        return Ok(Vec::new());
    }
    let file = job_file::split(path, document).map_err(message)?;
    let templates = file.templates.into_iter().map(|part| (Kind::Template, part));
    let jobs = file.jobs.into_iter().map(|part| (Kind::Job, part));
    let (mut documents, mut faults) = (Vec::new(), Vec::new());
    for (kind, part) in templates.chain(jobs) {
        match part.key().filter(|key| !key.is_empty()) {
            Some(key) => documents.push(FileDocument { kind, key: key.to_owned(), file: path.to_owned(), part }),
            None => faults.push(part.in_file(Fault::at("key", format!("write the key of the {}", kind.noun())))),
        }
    }
    if faults.is_empty() { Ok(documents) } else { Err(job_file::list(path, &faults)) }
}

fn repeated_keys(documents: &[FileDocument]) -> Vec<String> {
    let mut known: BTreeMap<(Kind, &str), &FileDocument> = BTreeMap::new();
    let mut messages = Vec::new();
    for document in documents {
        let FileDocument { kind, key, file, .. } = document;
        if let Some(first) = known.insert((*kind, key), document) {
            let (noun, other) = (kind.noun(), first.file.display());
            messages.push(format!("{}: the {noun} {key} is also in {other}; keep one of them", file.display()));
        }
    }
    messages
}
