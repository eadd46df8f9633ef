//! Conditions under which a line runs: criteria on the variables.

use chrono_tz::Tz;
use serde_json::{Map, Value};
use values::path::Path;
use values::template::{Context, Variable};

use crate::model::criteria::{self, Reading, Verdict};
use crate::model::fault::{Fault, field};
use crate::model::template::Template;
use crate::model::text::shortened;

/// Characters of a value that a message shows.
const SHOWN: usize = 80;

/// The `when` of a line.
#[derive(Debug)]
pub struct Condition {
    criteria: Template,
    /// The variables that the criteria test, each with its path in the document.
    tested: Vec<(String, Variable)>,
}

impl Condition {
    /// Reads the condition written at `path`.
    ///
    /// # Errors
    /// Every fault, with its path below `path`.
    pub(super) fn read(written: &Value, path: &str) -> Result<Self, Vec<Fault>> {
        criteria::parse(written, path, Reading::Written, Tz::UTC)?;
        let mut tested = Vec::new();
        collect_tested(written, path, &mut tested);
        let mut tree = written.clone();
        criteria::close(&mut tree);
        Ok(Self { criteria: Template::parse(&tree, path, |_| false)?, tested })
    }

    /// Every variable that it tests or that its placeholders use, each with its path.
    pub(super) fn variables(&self, path: &str) -> Vec<(String, Variable)> {
        self.criteria.variables(path).into_iter().chain(self.tested.iter().cloned()).collect()
    }

    /// One sentence that says why the condition does not hold; none if it holds.
    ///
    /// # Errors
    /// A placeholder cannot be rendered, the rendered value does not fit its operator, or two values have
    /// no order.
    pub fn unmet(&self, variables: &Context, zone: Tz, path: &str) -> Result<Option<String>, Vec<Fault>> {
        let rendered = self.criteria.render(variables, path).map_err(|fault| vec![fault])?;
        for (name, test) in rendered.as_object().into_iter().flatten() {
            let only = Value::Object(Map::from_iter([(name.clone(), test.clone())]));
            match criteria::parse(&only, path, Reading::Rendered, zone)?.judge(variables.data()) {
                Verdict::Holds => {}
                Verdict::Fails => return Ok(Some(sentence(name, test, variables.data()))),
                Verdict::Undecided => return Err(vec![undecided(name, test, variables.data(), path)]),
            }
        }
        Ok(None)
    }
}

fn sentence(name: &str, test: &Value, variables: &Value) -> String {
    if matches!(name, "and" | "or" | "not") {
        return format!("Skipped: `{name}` in `when` does not hold.");
    }
    format!("Skipped: `{name}` is {}, but `when` requires {}.", value_of(name, variables), shown(test))
}

fn undecided(name: &str, test: &Value, variables: &Value, path: &str) -> Fault {
    let message = format!(
        "`{name}` is {}, which cannot be compared by {}; compare values of the same kind",
        value_of(name, variables),
        shown(test)
    );
    Fault::at(field(path, name), message)
}

fn value_of(name: &str, variables: &Value) -> String {
    let value = Path::parse(name).ok().and_then(|path| path.of(variables));
    value.map_or_else(|| "missing".to_owned(), shown)
}

fn shown(value: &Value) -> String {
    shortened(&value.to_string(), SHOWN)
}

/// Collects the variables that are tested. Their names are where criteria on records have fields.
fn collect_tested(written: &Value, path: &str, tested: &mut Vec<(String, Variable)>) {
    for (name, test) in written.as_object().into_iter().flatten() {
        match (name.as_str(), test) {
            ("and" | "or", Value::Array(all)) => all.iter().for_each(|inner| collect_tested(inner, path, tested)),
            ("not", inner) => collect_tested(inner, path, tested),
            _ => {
                tested.push(named(name, &field(path, name)));
                collect_operands(test, &field(path, name), tested);
            }
        }
    }
}

/// Collects the variables that a test compares with, such as `{"field": "args.most"}`.
fn collect_operands(test: &Value, path: &str, tested: &mut Vec<(String, Variable)>) {
    for (operator, operand) in test.as_object().into_iter().flatten() {
        match (operator.as_str(), operand) {
            ("field", Value::String(name)) => tested.push(named(name, path)),
            (_, Value::Array(all)) => all.iter().for_each(|inner| collect_operands(inner, path, tested)),
            _ => collect_operands(operand, path, tested),
        }
    }
}

fn named(name: &str, path: &str) -> (String, Variable) {
    let variable = Variable { path: name.split('.').map(str::to_owned).collect(), optional: true };
    (path.to_owned(), variable)
}
