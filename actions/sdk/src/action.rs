//! The trait of actions.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Context, Failure, Outcome, Records};

/// How an action receives its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    /// One call of `take` for each batch, in order.
    Batches,
    /// One call with the whole set, up to the limit of the host.
    Whole,
    /// One call without records, because the action does not need them.
    Nothing,
}

/// An action. A value of the type is one execution of one line.
pub trait Action: Sized + 'static {
    /// Unique in the module: lower-case words joined by `.` or `-`.
    const NAME: &'static str;
    /// A few words for a menu.
    const TITLE: &'static str;
    /// One or two sentences that say what happens to the records.
    const SUMMARY: &'static str;
    /// How the records arrive.
    const INTAKE: Intake = Intake::Batches;

    /// The parameters of a line, after its templates were filled in.
    type Parameters: DeserializeOwned;

    /// JSON Schema (2020-12) of the parameters. Forms and documentation are generated
    /// from it, so give each property a title, a description, and a default or an example.
    /// A property with `"raw": true` is passed as it was written, without templating.
    fn schema() -> Value;

    /// Begins a line. Invalid parameters should fail here, because this is called when a job is checked.
    fn open(parameters: Self::Parameters, context: &Context) -> Result<Self, Failure>;

    /// Processes one batch.
    fn take(&mut self, records: Records) -> Result<Outcome, Failure>;

    /// Is called once after the last batch. The records that it returns are added to the set.
    fn close(&mut self) -> Result<Outcome, Failure> {
        Ok(Outcome::unchanged())
    }
}
