//! One value of a group, which is updated record by record.

use std::cmp::Ordering;
use std::collections::HashSet;

use ropewalk_sdk::{Failure, Value};
use serde_json::Number;
use values::order::{identity, rank};
use values::path::Path;

/// How a value is computed, and from which field.
pub(super) enum Kind {
    Count,
    Sum(Path),
    Avg(Path),
    Min(Path),
    Max(Path),
    First(Path),
    Last(Path),
    Distinct(Path),
}

impl Kind {
    /// Reads `{"sum": "total"}`.
    pub(super) fn read(name: &str, what: &Value) -> Result<Kind, Failure> {
        let fault = |message: &str| Failure::new(format!("values.{name}: {message}"));
        let usage =
            "write one of {\"count\": true} or {\"sum\": \"field\"}, with sum, avg, min, max, first, last or distinct";
        let fields = what.as_object().filter(|fields| fields.len() == 1);
        let (kind, field) = fields.and_then(|fields| fields.iter().next()).ok_or_else(|| fault(usage))?;
        if kind == "count" && field == &Value::Bool(true) {
            return Ok(Kind::Count);
        }
        let path = Path::parse(field.as_str().ok_or_else(|| fault(usage))?);
        let path = path.map_err(|error| fault(&error.to_string()))?;
        match kind.as_str() {
            "sum" => Ok(Kind::Sum(path)),
            "avg" => Ok(Kind::Avg(path)),
            "min" => Ok(Kind::Min(path)),
            "max" => Ok(Kind::Max(path)),
            "first" => Ok(Kind::First(path)),
            "last" => Ok(Kind::Last(path)),
            "distinct" => Ok(Kind::Distinct(path)),
            _ => Err(fault(usage)),
        }
    }
}

/// The value so far.
pub(super) enum Running {
    Count(usize),
    Sum(Sum),
    Avg(Sum),
    One(Option<Value>),
    Distinct(HashSet<String>),
}

impl Running {
    pub(super) fn new(kind: &Kind) -> Running {
        match kind {
            Kind::Count => Running::Count(0),
            Kind::Sum(_) => Running::Sum(Sum::default()),
            Kind::Avg(_) => Running::Avg(Sum::default()),
            Kind::Distinct(_) => Running::Distinct(HashSet::new()),
            _ => Running::One(None),
        }
    }

    /// Adds one record.
    pub(super) fn add(&mut self, kind: &Kind, record: &Value) {
        let of = |path: &Path| path.of(record).filter(|value| !value.is_null()).cloned();
        match (self, kind) {
            (Running::Count(count), _) => *count += 1,
            (Running::Sum(sum) | Running::Avg(sum), Kind::Sum(path) | Kind::Avg(path)) => {
                if let Some(Value::Number(number)) = path.of(record) {
                    sum.add(number);
                }
            }
            (Running::Distinct(found), Kind::Distinct(path)) => {
                found.extend(of(path).map(|value| identity(&value)));
            }
            (Running::One(value), Kind::Min(path)) => replace(value, of(path), Ordering::Less),
            (Running::One(value), Kind::Max(path)) => replace(value, of(path), Ordering::Greater),
            (Running::One(value @ None), Kind::First(path)) => *value = of(path),
            (Running::One(value), Kind::Last(path)) => *value = of(path).or(value.take()),
            _ => {}
        }
    }

    pub(super) fn into_value(self) -> Value {
        match self {
            Running::Count(count) => count.into(),
            Running::Sum(sum) => sum.total(),
            Running::Avg(sum) => sum.average(),
            Running::One(value) => value.unwrap_or(Value::Null),
            Running::Distinct(found) => found.len().into(),
        }
    }
}

/// Replaces the value with another one that compares with it as `when` says.
fn replace(value: &mut Option<Value>, other: Option<Value>, when: Ordering) {
    let better = |other: &Value| value.as_ref().is_none_or(|value| rank(Some(other), Some(value)) == when);
    if let Some(other) = other.filter(better) {
        *value = Some(other);
    }
}

/// A sum that is exact as long as all of its numbers are integers.
#[derive(Default)]
pub(super) struct Sum {
    count: usize,
    whole: i128,
    /// The sum of the floats, and the rounding error of its additions (Neumaier), so that many small
    /// numbers are not lost.
    float: f64,
    lost: f64,
    floats: bool,
}

impl Sum {
    fn add(&mut self, number: &Number) {
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        match whole.and_then(|whole| self.whole.checked_add(whole)) {
            Some(sum) => self.whole = sum,
            None => self.add_float(number.as_f64().unwrap_or(0.0)),
        }
        self.count += 1;
    }

    fn add_float(&mut self, number: f64) {
        self.floats = true;
        let sum = self.float + number;
        let (large, small) = if self.float.abs() >= number.abs() { (self.float, number) } else { (number, self.float) };
        self.lost += (large - sum) + small;
        self.float = sum;
    }

    fn as_float(&self) -> f64 {
        self.whole as f64 + (self.float + self.lost)
    }

    fn total(&self) -> Value {
        let exact = if self.floats { None } else { Number::from_i128(self.whole) };
        exact.map_or_else(|| Value::from(self.as_float()), Value::Number)
    }

    fn average(&self) -> Value {
        let count = self.count as i128;
        match count {
            0 => Value::Null,
            _ if !self.floats && self.whole % count == 0 => {
                Number::from_i128(self.whole / count).map_or(Value::Null, Value::Number)
            }
            _ => Value::from(self.as_float() / self.count as f64),
        }
    }
}
