//! A filter line: takes the set from its source or from the line before, and chooses.

use std::sync::Arc;

use serde_json::Value;

use super::act::counted;
use super::perform::{Attempt, Broken, Done};
use super::sources::{self, Stop};
use crate::model::fault::field;
use crate::model::filter::Filter;
use crate::model::line::Line;
use crate::model::record::Records;
use crate::model::source::Source;
use crate::model::status::Status;
use crate::ports::files::Files;

/// Runs a filter whose definition is rendered.
pub(crate) async fn select(attempt: &Attempt<'_>, line: &Line, definition: &Value) -> Result<Done, Broken> {
    let path = field(&line.path, "filter");
    let filter = Filter::read(definition, &path).map_err(|faults| {
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        Broken::Error(told.join("; "))
    })?;
    let (read, kept) = match &filter.source {
        None => keep(&filter, attempt.records().to_vec()),
        Some(Source::Inline(records)) => keep(&filter, records.clone()),
        Some(Source::File(_)) => return from_file(attempt, line, filter).await,
    };
    Ok(done(read, filter.arrange(kept)))
}

fn keep(filter: &Filter, mut records: Records) -> (usize, Records) {
    let read = records.len();
    records.retain(|record| filter.keeps(record));
    (read, records)
}

/// Files are read away from the threads that answer calls.
async fn from_file(attempt: &Attempt<'_>, line: &Line, filter: Filter) -> Result<Done, Broken> {
    let files = Arc::clone(&attempt.engine.files);
    let stop = Stop::new(attempt.kill.clone(), line.timeout);
    let reading = tokio::task::spawn_blocking(move || read_file(files.as_ref(), &filter, &stop));
    let (read, kept) =
        reading.await.map_err(|error| Broken::Error(format!("reading the source broke off: {error}")))??;
    Ok(done(read, kept))
}

fn read_file(files: &dyn Files, filter: &Filter, stop: &Stop) -> Result<(usize, Records), Broken> {
    let (mut read, mut kept) = (0, Records::new());
    if let Some(Source::File(file)) = &filter.source {
        sources::read(files, file, stop, |record| {
            read += 1;
            if filter.keeps(&record) {
                kept.push(record);
            }
        })?;
    }
    Ok((read, filter.arrange(kept)))
}

fn done(read: usize, records: Records) -> Done {
    let (status, message) = match (read, records.len()) {
        (0, _) => (Status::Info, "There were no records to choose from.".to_owned()),
        (_, 0) => (Status::Info, format!("None of {} matched.", counted(read))),
        (_, kept) => (Status::Success, format!("Chose {kept} of {}.", counted(read))),
    };
    Done { status, message, records_in: read as u64, records, rejected: Vec::new() }
}
