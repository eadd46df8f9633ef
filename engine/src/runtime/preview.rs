//! Trying a filter out on its real source: how many records it chooses, and the first of
//! them. Nothing is stored, and no action runs.

use std::time::Duration;

use chrono_tz::Tz;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use values::template::Context;

use super::engine::Engine;
use super::line_sets::LineSets;
use super::perform::Broken;
use super::select::{About, Chosen, aside, choose};
use super::set::Set;
use super::sources::Stop;
use crate::model::catalogue::{Catalogue, Choice};
use crate::model::dates;
use crate::model::fault::Fault;
use crate::model::filter::{Filter, faults_of_shape};
use crate::model::line::Line;
use crate::model::organization::Access;
use crate::model::record::{SAMPLE_RECORDS, Sample, kept};
use crate::model::variables::Names;
use crate::ports::StoreError;
use crate::ports::queue::LeaseError;

/// How long a filter is tried out: less than a request may take, so that the answer says why.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many filters are tried out at once: each may hold many records.
pub const PREVIEWS_AT_ONCE: usize = 4;
/// How many of them for one organization.
pub const PREVIEWS_OF_ONE_ORGANIZATION: usize = 2;
/// Where the definition stands, as faults name it.
const PLACE: &str = "filter";

/// What a filter came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The definition as it was rendered, joined with its template.
    pub definition: Value,
    /// How many records were looked at; of a collection, those that the store brought.
    pub read: usize,
    /// How many were chosen.
    pub count: usize,
    /// The first of those.
    pub sample: Sample,
    /// What a line with this filter would warn of.
    pub warning: Option<String>,
}

/// Why a filter was not tried out.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// What is wrong with it: all faults.
    #[error("the filter has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Broken> for PreviewError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Error(message) | Broken::Passing(message, _) => Self::Faults(vec![Fault::at(PLACE, message)]),
            Broken::Halted(LeaseError::Store(error)) => Self::Store(error),
            Broken::Killed | Broken::Waiting(_) | Broken::Halted(LeaseError::Lost) => {
                Self::Faults(vec![Fault::at(PLACE, "the preview was interrupted")])
            }
        }
    }
}

impl Engine {
    /// Tries out what a line says in its `filter`, with these arguments, as if the line ran
    /// now. It may use a filter template, and must come to a source.
    ///
    /// # Errors
    /// See [`PreviewError`].
    pub async fn preview_filter(
        &self,
        access: &Access,
        definition: Value,
        arguments: Map<String, Value>,
    ) -> Result<Preview, PreviewError> {
        let _share = self.previews.turn(access.organization.id).await;
        let catalogue = self.catalogue(access.scope()).await?;
        let variables = self.variables_of_preview(access, arguments);
        let zone = access.organization.time_zone;
        let prepared = aside(move || Ok(prepare(&definition, variables, zone, &catalogue))).await?;
        let (filter, definition) = prepared.map_err(PreviewError::Faults)?;
        let kill = CancellationToken::new();
        // Whoever gives up waiting ends the work too.
        let _end = kill.clone().drop_guard();
        let (set, lines) = (Set::held(Vec::new()), &LineSets::default());
        let about = About { engine: self, organization: &access.organization, set, lines, own: None };
        let Chosen { read, kept: records, warning, .. } = choose(&about, filter, Stop::new(kill, PATIENCE)).await?;
        let (count, first) = (records.len(), records.first(SAMPLE_RECORDS));
        Ok(Preview { definition: kept(&definition), read, count, sample: Sample::of(first, count), warning })
    }

    /// What a line of a job that runs now would have, without job and result.
    fn variables_of_preview(&self, access: &Access, arguments: Map<String, Value>) -> Map<String, Value> {
        let organization = &access.organization;
        let zone: Tz = organization.time_zone;
        let mut variables = dates::variables(self.clock.now(), zone);
        let more = json!({
            "since": null,
            "scheduledAt": null,
            "timeZone": zone.name(),
            "args": arguments,
            "job": {"key": "preview", "name": "Preview", "version": 0},
            "result": {"id": Uuid::nil().to_string(), "attempt": 1},
            "organization": {"key": organization.key, "name": organization.name},
            "startedBy": access.who,
            "lines": {},
            "records": [],
            "count": 0,
        });
        variables.extend(more.as_object().cloned().unwrap_or_default());
        variables
    }
}

/// Reads and renders a definition: the filter, and what it was rendered to.
fn prepare(
    definition: &Value,
    variables: Map<String, Value>,
    zone: Tz,
    catalogue: &Catalogue,
) -> Result<(Filter, Value), Vec<Fault>> {
    let fault = |message: String| vec![Fault::at(PLACE, message)];
    let faults = faults_of_shape(definition, PLACE);
    if !faults.is_empty() {
        return Err(faults);
    }
    if definition.get("script").is_some() {
        return Err(fault("a preview asks no script; take it out, or run the job dry".to_owned()));
    }
    let line = Line::read(&json!({ PLACE: definition }), 1, "", catalogue, Choice::Newest(&[]))?;
    let arguments = variables.get("args").and_then(Value::as_object);
    let arguments = arguments.map(|arguments| arguments.keys().cloned().collect::<Vec<_>>());
    let faults = line.faults_of_names(&Names { arguments: arguments.as_deref(), ..Names::default() });
    if !faults.is_empty() {
        return Err(faults);
    }
    let context = Context::wraps(Value::Object(variables)).map_err(|error| fault(error.to_string()))?;
    let rendered = line.render(&context)?;
    let filter = Filter::read(&rendered, PLACE, zone)?;
    match filter.source {
        Some(_) => Ok((filter, rendered)),
        None => Err(fault("names no source, and a preview has no line before; add one".to_owned())),
    }
}
