//! `ropewalk export [JOB…]`: writes the jobs and filter templates of a server as job files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use engine::model::filter_template::named_in;
use serde_json::{Value, json};

use crate::api_client::Server;
use crate::api_client::documents::SavedDocument;
use crate::comparison::text_of;
use crate::display::{counted, plain};
use crate::stdio::{print, print_with};
use crate::{Failed, job_file};

/// What to write, and where.
#[derive(Args)]
pub struct Options {
    /// Keys of jobs; they are written with the filter templates that they use. Default: everything
    #[arg(value_name = "JOB")]
    jobs: Vec<String>,
    /// Write a file for each job and each filter template into this folder, instead of one file to standard output
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Overwrite files that have another content
    #[arg(long, requires = "dir")]
    force: bool,
    /// Print the names of the written files as a JSON array; without --dir, the output is JSON anyway
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// Writes them as JSON with the fields in the order in which they were saved.
pub async fn export(options: &Options) -> Result<(), Failed> {
    let jobs = match options.jobs.as_slice() {
        [] => options.server.job_documents().await?,
        keys => find(&options.server, keys).await?,
    };
    let mut templates = options.server.template_documents().await?;
    templates.retain(|template| !template.global);
    if !options.jobs.is_empty() {
        let used: BTreeSet<_> = jobs.iter().flat_map(|job| named_in(&job.document)).collect();
        templates.retain(|template| used.contains(&template.key));
    }
    match &options.dir {
        Some(folder) => write_files(options, folder, &files(&jobs, &templates)?),
        None => print_file(&jobs, &templates),
    }
}

async fn find(server: &Server, keys: &[String]) -> Result<Vec<SavedDocument>, Failed> {
    let mut jobs: Vec<SavedDocument> = Vec::new();
    for key in keys {
        let job = server.job_document(key).await?.ok_or_else(|| super::start::absent(key))?;
        if jobs.iter().all(|known| known.key != job.key) {
            jobs.push(job);
        }
    }
    Ok(jobs)
}

fn print_file(jobs: &[SavedDocument], templates: &[SavedDocument]) -> Result<(), Failed> {
    let documents = |all: &[SavedDocument]| all.iter().map(|one| one.document.clone()).collect::<Vec<_>>();
    let text = match (jobs, templates) {
        ([only], []) => text_of(&only.document),
        ([], templates) => text_of(&json!({"filterTemplates": documents(templates)})),
        (jobs, []) => text_of(&json!({"jobs": documents(jobs)})),
        _ => text_of(&json!({"filterTemplates": documents(templates), "jobs": documents(jobs)})),
    };
    if text.len() as u64 > job_file::MAX_BYTES {
        let message = "This is more than a job file may have (4 MiB). Write a file for each job with --dir DIR.";
        return Err(Failed::Refused(message.to_owned()));
    }
    print_with(|out| std::io::Write::write_all(out, text.as_bytes()))
}

/// The name and the text of each file. A key has no dot, so a template and a job never have the same name.
fn files(jobs: &[SavedDocument], templates: &[SavedDocument]) -> Result<Vec<(String, String)>, Failed> {
    let jobs = jobs.iter().map(|job| (job, "json", job.document.clone()));
    let templates = templates.iter().map(|one| (one, "template.json", json!({"filterTemplates": [one.document]})));
    let files = templates.chain(jobs).map(|(saved, ending, document): (&SavedDocument, _, Value)| {
        let is_name = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
        match !saved.key.is_empty() && saved.key.bytes().all(is_name) {
            true => Ok((format!("{}.{ending}", saved.key), text_of(&document))),
            false => Err(Failed::Refused(format!("{}: this key cannot be the name of a file", saved.key))),
        }
    });
    files.collect()
}

fn write_files(options: &Options, folder: &Path, files: &[(String, String)]) -> Result<(), Failed> {
    let broken = |path: &Path, error: std::io::Error| Failed::Broken(format!("{}: {error}", path.display()));
    std::fs::create_dir_all(folder).map_err(|error| broken(folder, error))?;
    for (name, text) in files.iter().filter(|_| !options.force) {
        let path = folder.join(name);
        if path.exists() && std::fs::read(&path).is_ok_and(|content| content != text.as_bytes()) {
            let message = format!(
                "{}: the file has another content; --force overwrites it. Nothing was written.",
                path.display()
            );
            return Err(Failed::Refused(message));
        }
    }
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| broken(&path, error))?;
    }
    if options.json {
        return print(&json!(files.iter().map(|(name, _)| folder.join(name)).collect::<Vec<_>>()).to_string());
    }
    print(&format!("Wrote {} to {}.", counted(files.len(), "file"), plain(&folder.display().to_string())))
}
