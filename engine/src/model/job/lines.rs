//! Reads the lines and the notification rules of a job, and checks the names they use for each other.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::argument::Arguments;
use crate::model::catalogue::{Catalogue, Choice};
use crate::model::fault::{Fault, MOST_FAULTS, duplicate, element, field};
use crate::model::line::{Line, RunOn};
use crate::model::notify::NotifyRule;
use crate::model::schema::integer;
use crate::model::variables::Names;

/// The distance from the highest `lineNo` to the next default.
const LINE_STEP: u64 = 10;

/// The number of each line with an identifier that templates may use for it: its number or its name.
pub(super) type Ids = Vec<(u64, String)>;

/// Reads every line, without the parts that do not have the right shape.
pub(super) fn read(
    document: &Value,
    (catalogue, choice): (&Catalogue, Choice<'_>),
    faults: &mut Vec<Fault>,
) -> (Vec<Line>, Ids) {
    let mut taken = Taken::default();
    let misshapen = paths(faults);
    let (mut lines, mut ids) = (Vec::new(), Ids::new());
    for (index, written) in document["lines"].as_array().into_iter().flatten().enumerate() {
        let path = element("lines", index);
        let number = taken.number(written, &path, faults);
        taken.name(written, &path, faults);
        ids.push((number, number.to_string()));
        ids.extend(written["name"].as_str().map(|name| (number, name.to_owned())));
        let Some(well_shaped) = well_shaped(written, &path, &misshapen) else { continue };
        match Line::read(&well_shaped, u32::try_from(number).unwrap_or(u32::MAX), &path, catalogue, choice) {
            Ok(line) => lines.push(line),
            Err(more) => faults.extend(more),
        }
    }
    lines.sort_by_key(|line| line.line_no);
    (lines, ids)
}

/// Reads every notification rule that has the right shape.
pub(super) fn read_rules(
    document: &Value,
    catalogue: (&Catalogue, Choice<'_>),
    faults: &mut Vec<Fault>,
) -> Vec<NotifyRule> {
    let misshapen = paths(faults);
    let written = document["notify"].as_array().into_iter().flatten().enumerate();
    let well_shaped = written.filter(|(index, _)| {
        let path = element("notify", *index);
        !misshapen.iter().any(|place| below(place, &path).is_some())
    });
    let read = well_shaped.filter_map(|(index, written)| {
        NotifyRule::read(written, index, catalogue).map_err(|more| faults.extend(more)).ok()
    });
    read.collect()
}

fn paths(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(|fault| fault.path.clone()).collect()
}

/// A line without the fields, and the fields of its filter, that have a fault of shape; none if the
/// line would mean something else without them.
fn well_shaped<'a>(written: &'a Value, path: &str, misshapen: &[String]) -> Option<Cow<'a, Value>> {
    let mut line = Cow::Borrowed(written);
    for place in misshapen.iter().filter_map(|place| below(place, path)) {
        match fields_of(place).as_slice() {
            [] | ["filter"] | ["action" | "parameters", ..] => return None,
            // The values cannot be checked without the template, nor the template without its values.
            ["filter", "template" | "values", ..] => take(line.to_mut().get_mut("filter"), &["template", "values"]),
            ["filter", name, ..] => take(line.to_mut().get_mut("filter"), &[*name]),
            [name, ..] => take(Some(line.to_mut()), &[*name]),
        }
    }
    Some(line)
}

/// The part of a path below another one; none if it is elsewhere.
fn below<'a>(place: &'a str, path: &str) -> Option<&'a str> {
    place.strip_prefix(path).filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn fields_of(path: &str) -> Vec<&str> {
    path.split(['.', '[']).filter(|name| !name.is_empty()).collect()
}

fn take(object: Option<&mut Value>, names: &[&str]) {
    if let Some(fields) = object.and_then(Value::as_object_mut) {
        names.iter().for_each(|name| drop(fields.shift_remove(*name)));
    }
}

/// The numbers and names that are taken, each with the path of the first line that has it.
#[derive(Default)]
struct Taken {
    numbers: BTreeMap<u64, String>,
    names: BTreeMap<String, String>,
    highest: u64,
}

impl Taken {
    fn number(&mut self, written: &Value, path: &str, faults: &mut Vec<Fault>) -> u64 {
        let number = integer(&written["lineNo"]).unwrap_or(self.highest.saturating_add(LINE_STEP));
        self.highest = self.highest.max(number);
        if let Some(first) = self.numbers.insert(number, path.to_owned()) {
            faults.push(Fault::at(field(path, "lineNo"), duplicate(number, "number", &first)));
        }
        number
    }

    fn name(&mut self, written: &Value, path: &str, faults: &mut Vec<Fault>) {
        let Some(name) = written["name"].as_str() else { return };
        if let Some(first) = self.names.insert(name.to_owned(), path.to_owned()) {
            faults.push(Fault::at(field(path, "name"), duplicate(format_args!("`{name}`"), "name", &first)));
        }
    }
}

/// A fault for every unknown variable in the templates of the lines, up to the number that is listed.
pub(super) fn faults_of_names(lines: &[Line], ids: &Ids, arguments: &Arguments) -> Vec<Fault> {
    let (mut faults, arguments) = (Vec::new(), arguments.names());
    for line in lines {
        if faults.len() > MOST_FAULTS {
            break;
        }
        let names = Names {
            arguments: arguments.as_deref(),
            lines: ids,
            line_no: line.line_no.into(),
            after_stop: line.run_on != RunOn::Success,
            ..Names::default()
        };
        faults.extend(line.faults_of_names(&names));
    }
    faults
}
