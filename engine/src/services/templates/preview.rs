//! Previewing a filter on its real source: how many records it chooses, and the first of them. Nothing is stored, and
//! no action runs.

use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use values::template::Context;

use crate::deadline::Deadline;
use crate::execution::filter::{Selected, select};
use crate::execution::filter_scope::FilterScope;
use crate::execution::line_sets::LineSets;
use crate::execution::outcome::LineError;
use crate::model::catalogue::{Catalogue, Choice};
use crate::model::dates;
use crate::model::fault::Fault;
use crate::model::filter::{Filter, faults_of_shape};
use crate::model::line::Line;
use crate::model::organization::Access;
use crate::model::record::{Sample, kept};
use crate::model::refusal::Refusal;
use crate::model::rights::Operation;
use crate::model::variables::Names;
use crate::node::blocking::blocking;
use crate::node::service_error::ServiceError;
use crate::ports::queue::LeaseError;
use crate::records::Set;
use crate::services::FilterTemplates;

/// How long a preview may take: less than a request, so that the answer can say why.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The path of the definition in faults.
const PATH: &str = "filter";

/// The result of a preview.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The rendered definition, joined with its template.
    pub definition: Arc<Value>,
    /// How many records were read; of a collection, those that the store sent.
    pub read: usize,
    /// How many were chosen.
    pub count: usize,
    /// The first of those.
    pub sample: Sample,
    /// What a line with this filter would warn of.
    pub warning: Option<String>,
}

fn refused(error: LineError) -> ServiceError {
    match error {
        LineError::Failed(message) | LineError::Retryable(message, _) => Refusal::invalid(PATH, message).into(),
        LineError::NotRecorded(LeaseError::Store(error)) => error.into(),
        LineError::Cancelled | LineError::Waiting(_) | LineError::NotRecorded(LeaseError::Lost) => {
            Refusal::invalid(PATH, "the preview was interrupted").into()
        }
    }
}

impl FilterTemplates {
    /// Previews the `filter` of a line with these arguments, as if the line ran now. The definition may use a filter
    /// template, and must have a source.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn preview(
        &self,
        access: &Access,
        definition: Value,
        arguments: Map<String, Value>,
    ) -> Result<Preview, ServiceError> {
        access.require(Operation::PreviewFilter)?;
        let _permit = self.node.previews.acquire(access.organization.id).await;
        let catalogue = self.node.catalogues.newest(access.scope()).await?;
        let variables = self.variables_of_preview(access, arguments);
        let zone = access.organization.time_zone;
        let (filter, definition) = blocking(move || prepare(&definition, variables, zone, &catalogue)).await??;
        let cancellation = CancellationToken::new();
        // If the caller gives up, the work ends.
        let _end = cancellation.clone().drop_guard();
        let (set, lines) = (Set::held(Vec::new()), &LineSets::default());
        let scope = FilterScope { node: &self.node, organization: &access.organization, set, lines, own: None };
        let Selected { read, records, warning, .. } =
            select(&scope, filter, Deadline::new(cancellation, TIMEOUT)).await.map_err(refused)?;
        let count = records.len();
        Ok(Preview { definition: kept(&definition), read, count, sample: records.sample(), warning })
    }

    /// The variables that a line would have in a job that runs now.
    fn variables_of_preview(&self, access: &Access, arguments: Map<String, Value>) -> Map<String, Value> {
        let organization = &access.organization;
        let zone: Tz = organization.time_zone;
        let mut variables = dates::variables(self.node.clock.now(), zone);
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

/// Reads and renders a definition. Returns the filter and the rendered definition.
fn prepare(
    definition: &Value,
    variables: Map<String, Value>,
    zone: Tz,
    catalogue: &Catalogue,
) -> Result<(Filter, Arc<Value>), Vec<Fault>> {
    let fault = |message: String| vec![Fault::at(PATH, message)];
    let faults = faults_of_shape(definition, PATH);
    if !faults.is_empty() {
        return Err(faults);
    }
    if definition.get("script").is_some() {
        return Err(fault("a preview does not run scripts; remove `script`, or run the job dry".to_owned()));
    }
    let line = Line::read(&json!({ PATH: definition }), 1, "", catalogue, Choice::Newest(&[]))?;
    let arguments = variables.get("args").and_then(Value::as_object);
    let arguments = arguments.map(|arguments| arguments.keys().cloned().collect::<Vec<_>>());
    let faults = line.faults_of_names(&Names { arguments: arguments.as_deref(), ..Names::default() });
    if !faults.is_empty() {
        return Err(faults);
    }
    let context = Context::wraps(Value::Object(variables)).map_err(|error| fault(error.to_string()))?;
    let rendered = line.render(&context)?;
    let filter = Filter::read(&rendered, PATH, zone)?;
    match filter.source {
        Some(_) => Ok((filter, rendered)),
        None => Err(fault("has no source, and in a preview there is no line before it; add a source".to_owned())),
    }
}
