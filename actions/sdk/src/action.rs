//! What an action is.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Context, Failure, Outcome, Records};

/// How an action wants its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    /// One call of `take` for each batch, in order.
    Batches,
    /// One call with the whole set, up to a bound that the host sets.
    Whole,
    /// One call with no records: the action does not look at them.
    Nothing,
}

/// One action: a value of this type is one execution of one line.
pub trait Action: Sized + 'static {
    /// Unique in the module, lower-case words joined by `.` or `-`.
    const NAME: &'static str;
    /// A few words for a menu.
    const TITLE: &'static str;
    /// One or two sentences that say what happens to the records.
    const SUMMARY: &'static str;
    /// How the records arrive.
    const INTAKE: Intake = Intake::Batches;

    /// What a line passes, after its templates were filled.
    type Parameters: DeserializeOwned;

    /// JSON Schema (2020-12) of the parameters. Forms and documentation are made from
    /// it, so give each property a title, a description, and a default or an example.
    /// A property with `"raw": true` is handed over as it was written.
    fn schema() -> Value;

    /// Takes up the work. What is wrong with the parameters should fail here.
    fn open(parameters: Self::Parameters, context: &Context) -> Result<Self, Failure>;

    /// Works on one batch.
    fn take(&mut self, records: Records) -> Result<Outcome, Failure>;

    /// Called once after the last batch. Records given here are added to the set.
    fn close(&mut self) -> Result<Outcome, Failure> {
        Ok(Outcome::unchanged())
    }
}
