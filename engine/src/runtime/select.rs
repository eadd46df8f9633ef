//! A filter line: takes the set from its source or from the line before, and chooses.

use std::sync::Arc;

use serde_json::Value;

use super::act::counted;
use super::attempt::Attempt;
use super::perform::{Broken, Done};
use super::sources::{self, Stop};
use crate::model::fault::field;
use crate::model::filter::Filter;
use crate::model::line::Line;
use crate::model::record::Records;
use crate::model::source::Source;
use crate::model::status::Status;
use crate::ports::files::Files;

/// How many records are looked at between two looks at the clock.
const RECORDS_BETWEEN_CHECKS: usize = 256;

/// Runs a filter whose definition is rendered. It may hold costly patterns or a large
/// file, so it works away from the threads that answer calls, and looks up now and then.
pub(crate) async fn select(attempt: &Attempt<'_>, line: &Line, definition: Value) -> Result<Done, Broken> {
    let path = field(&line.path, "filter");
    let (set, files) = (attempt.records(), Arc::clone(&attempt.engine.files));
    let organization = attempt.organization.key.clone();
    let stop = Stop::new(attempt.kill.clone(), line.timeout);
    let work = tokio::task::spawn_blocking(move || {
        let filter = Filter::read(&definition, &path).map_err(Broken::of_faults)?;
        let (read, kept) = choose(&filter, &set, files.as_ref(), &organization, &stop)?;
        stop.check()?;
        let records = filter.arrange(kept);
        stop.check()?;
        Ok(done(read, records))
    });
    work.await.map_err(|error| Broken::Error(format!("The filter broke off: {error}")))?
}

/// How many records were looked at, and those that match.
fn choose(
    filter: &Filter,
    set: &Records,
    files: &dyn Files,
    organization: &str,
    stop: &Stop,
) -> Result<(usize, Records), Broken> {
    match &filter.source {
        None => keep(filter, set, stop),
        Some(Source::Inline(records)) => keep(filter, records, stop),
        Some(Source::File(file)) => {
            let (mut read, mut kept) = (0, Records::new());
            sources::read(files, organization, file, stop, |record| {
                read += 1;
                if filter.keeps(&record) {
                    kept.push(record);
                }
            })?;
            Ok((read, kept))
        }
    }
}

fn keep(filter: &Filter, set: &Records, stop: &Stop) -> Result<(usize, Records), Broken> {
    let mut kept = Records::new();
    for part in set.chunks(RECORDS_BETWEEN_CHECKS) {
        stop.check()?;
        kept.extend(part.iter().filter(|record| filter.keeps(record)).cloned());
    }
    Ok((set.len(), kept))
}

fn done(read: usize, records: Records) -> Done {
    let (status, message) = match (read, records.len()) {
        (0, _) => (Status::Info, "There were no records to choose from.".to_owned()),
        (_, 0) => (Status::Info, format!("None of {} matched.", counted(read))),
        (_, kept) => (Status::Success, format!("Chose {kept} of {}.", counted(read))),
    };
    Done { status, message, records_in: read as u64, records, rejected: Vec::new() }
}
