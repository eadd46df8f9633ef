//! Translates criteria to an SQL condition that reduces how many records are read.
//!
//! A condition is *necessary*: it holds for every record that meets the criteria, or for which they are undecided. The
//! records that it returns are checked again by the criteria themselves, so differences between SQL and criteria never
//! change an answer. A condition may be *exact* too: it holds only for the records that meet the criteria, which are
//! decided for every record. Only an exact condition may be negated.
//!
//! Values are compared as JSON text, since one writer spells all records. This decides equality of texts that are no
//! dates, of booleans, null and numbers (`Operand::spellings`). Order is decided for whole numbers only, with a margin
//! for how SQLite reads doubles.

use engine::model::criteria::{Comparison, Criteria, Operand, Test};
use sea_orm::sea_query::{Expr, ExprTrait, Func};

use crate::entities::collection_records;
use crate::sqlite::json::{is_text, number_of, text_at};

/// How many values and conditions one statement has at most, and how deep they are nested. The rest is left to the
/// criteria.
const VALUES: usize = 500;
const DEPTH: usize = 12;

/// A condition that holds for every record that meets the criteria or for which they are undecided, if there is one.
pub(crate) fn condition(criteria: &Criteria) -> Option<Expr> {
    let mut capacity = VALUES;
    narrow(criteria, &mut capacity, DEPTH).map(|narrowed| narrowed.condition)
}

struct Narrowed {
    condition: Expr,
    exact: bool,
}

fn exact(condition: Expr) -> Option<Narrowed> {
    Some(Narrowed { condition, exact: true })
}

fn necessary(condition: Expr) -> Option<Narrowed> {
    Some(Narrowed { condition, exact: false })
}

fn narrow(criteria: &Criteria, capacity: &mut usize, depth: usize) -> Option<Narrowed> {
    let depth = depth.checked_sub(1)?;
    match criteria {
        Criteria::All(all) => every(all.iter().map(|one| narrow(one, capacity, depth))),
        Criteria::Any(any) => some(any.iter().map(|one| narrow(one, capacity, depth))),
        Criteria::Not(inner) => {
            let inner = narrow(inner, capacity, depth).filter(|inner| inner.exact)?;
            exact(inner.condition.not())
        }
        Criteria::Field(path, test) => {
            let column = Expr::col((collection_records::Entity, collection_records::Column::Data));
            of_test(&text_at(&column, &json_paths(path.as_str())?), test, capacity)
        }
    }
}

/// The conjunction of the conditions that are known.
fn every(parts: impl Iterator<Item = Option<Narrowed>>) -> Option<Narrowed> {
    let (mut joined, mut all_exact) = (None::<Expr>, true);
    for part in parts {
        all_exact &= part.as_ref().is_some_and(|part| part.exact);
        joined = match (joined, part) {
            (Some(joined), Some(part)) => Some(joined.and(part.condition)),
            (joined, part) => joined.or(part.map(|part| part.condition)),
        };
    }
    joined.map(|condition| Narrowed { condition, exact: all_exact })
}

/// The disjunction of the conditions; none unless each is known.
fn some(parts: impl Iterator<Item = Option<Narrowed>>) -> Option<Narrowed> {
    let parts = parts.collect::<Option<Vec<_>>>()?;
    let all_exact = parts.iter().all(|part| part.exact);
    let condition = parts.into_iter().map(|part| part.condition).reduce(Expr::or)?;
    Some(Narrowed { condition, exact: all_exact })
}

/// The JSON paths of a field; the first that exists counts. A name with a dot in it wins over nested names. A number as
/// the second part may be an index of a list, and three parts can be split in several ways, so these have no
/// condition.
fn json_paths(path: &str) -> Option<Vec<Vec<&str>>> {
    if path.chars().any(|letter| letter.is_control() || matches!(letter, '"' | '\\')) {
        return None;
    }
    match path.split('.').collect::<Vec<_>>().as_slice() {
        [_] => Some(vec![vec![path]]),
        [field, part] if part.parse::<usize>().is_err() => Some(vec![vec![path], vec![field, part]]),
        _ => None,
    }
}

fn of_test(text: &Expr, test: &Test, capacity: &mut usize) -> Option<Narrowed> {
    match test {
        Test::Compare(Comparison::Equal, operand) => exact(text.clone().is_in(spelled([operand], capacity)?)),
        Test::In(operands) => exact(text.clone().is_in(spelled(operands, capacity)?)),
        Test::Compare(Comparison::Unequal, operand) => exact(neither(text, spelled([operand], capacity)?)),
        Test::NotIn(operands) => exact(neither(text, spelled(operands, capacity)?)),
        Test::Compare(comparison, operand) => ordered(text, *comparison, operand, capacity),
        Test::Between(low, high) => every(
            [(Comparison::GreaterOrEqual, low), (Comparison::LessOrEqual, high)]
                .into_iter()
                .map(|(comparison, operand)| ordered(text, comparison, operand, capacity)),
        ),
        Test::StartsWith(operand) => begins(text, operand.text()?, capacity),
        Test::Exists(wanted) => exact(in_or_not(text, vec![String::new()], !wanted)),
        Test::IsNull(wanted) => exact(in_or_not(text, texts(&["", "null"]), *wanted)),
        Test::IsEmpty(true) => exact(text.clone().is_in(texts(&EMPTY))),
        Test::IsEmpty(false) => exact(neither(text, texts(&EMPTY))),
        Test::Every(tests) => every(tests.iter().map(|test| of_test(text, test, capacity))),
        Test::Contains(_) | Test::EndsWith(_) | Test::Matches(_) | Test::AnyElement(_) | Test::AllElements(_) => None,
    }
}

/// The spellings of empty values.
const EMPTY: [&str; 4] = ["null", "\"\"", "[]", "{}"];

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// All spellings of all operands; none if one has too many, or the statement would have too many values.
fn spelled<'a>(operands: impl IntoIterator<Item = &'a Operand>, capacity: &mut usize) -> Option<Vec<String>> {
    let mut spelled = Vec::new();
    for operand in operands {
        spelled.extend(operand.spellings()?);
        if spelled.len() > *capacity {
            return None;
        }
    }
    *capacity -= spelled.len();
    (!spelled.is_empty()).then_some(spelled)
}

/// The field exists and has none of these values.
fn neither(text: &Expr, mut texts: Vec<String>) -> Expr {
    texts.push(String::new());
    text.clone().is_not_in(texts)
}

fn in_or_not(text: &Expr, texts: Vec<String>, wanted: bool) -> Expr {
    if wanted { text.clone().is_in(texts) } else { text.clone().is_not_in(texts) }
}

/// Only for whole numbers. SQLite may read a neighbouring double as the bound, so the margin lets it through. Texts are
/// let through too, because they make the criteria undecided.
fn ordered(text: &Expr, comparison: Comparison, operand: &Operand, capacity: &mut usize) -> Option<Narrowed> {
    let bound = operand.safe_integer()?;
    *capacity = capacity.checked_sub(1)?;
    let number = number_of(text);
    let within = match comparison {
        Comparison::Less | Comparison::LessOrEqual => number.lte(bound + 1),
        Comparison::Greater | Comparison::GreaterOrEqual => number.gte(bound - 1),
        Comparison::Equal | Comparison::Unequal => return None,
    };
    necessary(is_text(text).or(within))
}

/// The text begins with another one. Their JSON spellings begin alike unless the beginning has a character that JSON
/// escapes.
fn begins(text: &Expr, beginning: &str, capacity: &mut usize) -> Option<Narrowed> {
    let plain = |letter: char| !letter.is_control() && !matches!(letter, '"' | '\\');
    if !beginning.chars().all(plain) {
        return None;
    }
    *capacity = capacity.checked_sub(1)?;
    let beginning = format!("\"{beginning}");
    let length = i64::try_from(beginning.chars().count()).ok()?;
    let begun = Func::cust("SUBSTR").args([text.clone(), Expr::val(1), Expr::val(length)]);
    exact(Expr::expr(begun).eq(beginning))
}
