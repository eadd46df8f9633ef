//! What a database can say of criteria: a condition that narrows what is read.
//!
//! A condition is *necessary*: every record that meets the criteria, or for which they are
//! undecided, meets it. What comes of it is checked again by the criteria themselves, so that a
//! record can never be found for what SQL means instead of what criteria mean. A condition that
//! is *exact* as well may be turned round by `not`: it is met by the records that meet the
//! criteria, and these are decided for every record.
//!
//! Texts are compared as JSON spells them, since records are kept as one writer spells them.
//! That says what is equal for texts that are not dates, for booleans, null and numbers
//! (`Operand::spellings`), and nothing about order but for whole numbers, with a margin for
//! how SQLite reads doubles.

use engine::model::criteria::{Comparison, Criteria, Operand, Test};
use sea_orm::sea_query::{Expr, ExprTrait, Func};

use crate::entities::collection_records;
use crate::sqlite::json::{is_text, number_of, text_at};

/// How many values and conditions one statement holds at most, and how deep they stand in
/// each other. What is beyond is left to the criteria.
const VALUES: usize = 500;
const DEPTH: usize = 12;

/// A condition that every record meets for which the criteria hold or are undecided; none if
/// nothing can be said.
pub(crate) fn condition(criteria: &Criteria) -> Option<Expr> {
    let mut room = VALUES;
    narrow(criteria, &mut room, DEPTH).map(|narrowed| narrowed.condition)
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

fn narrow(criteria: &Criteria, room: &mut usize, depth: usize) -> Option<Narrowed> {
    let depth = depth.checked_sub(1)?;
    match criteria {
        Criteria::All(all) => every(all.iter().map(|one| narrow(one, room, depth))),
        Criteria::Any(any) => some(any.iter().map(|one| narrow(one, room, depth))),
        Criteria::Not(inner) => {
            let inner = narrow(inner, room, depth).filter(|inner| inner.exact)?;
            exact(inner.condition.not())
        }
        Criteria::Field(path, test) => {
            let column = Expr::col((collection_records::Entity, collection_records::Column::Data));
            of_test(&text_at(&column, &places(path.as_str())?), test, room)
        }
    }
}

/// All that can be said of them together.
fn every(parts: impl Iterator<Item = Option<Narrowed>>) -> Option<Narrowed> {
    let (mut said, mut all_exact) = (None::<Expr>, true);
    for part in parts {
        all_exact &= part.as_ref().is_some_and(|part| part.exact);
        said = match (said, part) {
            (Some(said), Some(part)) => Some(said.and(part.condition)),
            (said, part) => said.or(part.map(|part| part.condition)),
        };
    }
    said.map(|condition| Narrowed { condition, exact: all_exact })
}

/// One of them holds: nothing can be said unless something can be said of each.
fn some(parts: impl Iterator<Item = Option<Narrowed>>) -> Option<Narrowed> {
    let parts = parts.collect::<Option<Vec<_>>>()?;
    let all_exact = parts.iter().all(|part| part.exact);
    let condition = parts.into_iter().map(|part| part.condition).reduce(Expr::or)?;
    Some(Narrowed { condition, exact: all_exact })
}

/// Where a path may lead, the first that is there. A literal name with a dot wins over the
/// walk; a second part that is a number may be a position in a list, and three parts may be
/// read in ways that exclude each other, so that nothing is said of these.
fn places(path: &str) -> Option<Vec<Vec<&str>>> {
    if path.chars().any(|letter| letter.is_control() || matches!(letter, '"' | '\\')) {
        return None;
    }
    match path.split('.').collect::<Vec<_>>().as_slice() {
        [_] => Some(vec![vec![path]]),
        [field, part] if part.parse::<usize>().is_err() => Some(vec![vec![path], vec![field, part]]),
        _ => None,
    }
}

fn of_test(text: &Expr, test: &Test, room: &mut usize) -> Option<Narrowed> {
    match test {
        Test::Compare(Comparison::Equal, operand) => exact(text.clone().is_in(spelled([operand], room)?)),
        Test::In(operands) => exact(text.clone().is_in(spelled(operands, room)?)),
        Test::Compare(Comparison::Unequal, operand) => exact(neither(text, spelled([operand], room)?)),
        Test::NotIn(operands) => exact(neither(text, spelled(operands, room)?)),
        Test::Compare(comparison, operand) => ordered(text, *comparison, operand, room),
        Test::Between(low, high) => every(
            [(Comparison::GreaterOrEqual, low), (Comparison::LessOrEqual, high)]
                .into_iter()
                .map(|(comparison, operand)| ordered(text, comparison, operand, room)),
        ),
        Test::StartsWith(operand) => begins(text, operand.text()?, room),
        Test::Exists(wanted) => exact(in_or_not(text, vec![String::new()], !wanted)),
        Test::IsNull(wanted) => exact(in_or_not(text, texts(&["", "null"]), *wanted)),
        Test::IsEmpty(true) => exact(text.clone().is_in(texts(&EMPTY))),
        Test::IsEmpty(false) => exact(neither(text, texts(&EMPTY))),
        Test::Every(tests) => every(tests.iter().map(|test| of_test(text, test, room))),
        Test::Contains(_) | Test::EndsWith(_) | Test::Matches(_) | Test::AnyElement(_) | Test::AllElements(_) => None,
    }
}

/// How a value is spelled that is empty.
const EMPTY: [&str; 4] = ["null", "\"\"", "[]", "{}"];

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// All spellings of all operands; none if one has too many, or there is no room for them.
fn spelled<'a>(operands: impl IntoIterator<Item = &'a Operand>, room: &mut usize) -> Option<Vec<String>> {
    let mut spelled = Vec::new();
    for operand in operands {
        spelled.extend(operand.spellings()?);
        if spelled.len() > *room {
            return None;
        }
    }
    *room -= spelled.len();
    (!spelled.is_empty()).then_some(spelled)
}

/// There, and none of these.
fn neither(text: &Expr, mut texts: Vec<String>) -> Expr {
    texts.push(String::new());
    text.clone().is_not_in(texts)
}

fn in_or_not(text: &Expr, texts: Vec<String>, wanted: bool) -> Expr {
    if wanted { text.clone().is_in(texts) } else { text.clone().is_not_in(texts) }
}

/// Whole numbers only. Doubles next to them may be read as these, and are let through. So are
/// texts, which make the criteria undecided.
fn ordered(text: &Expr, comparison: Comparison, operand: &Operand, room: &mut usize) -> Option<Narrowed> {
    let bound = operand.safe_integer()?;
    *room = room.checked_sub(1)?;
    let number = number_of(text);
    let within = match comparison {
        Comparison::Less | Comparison::LessOrEqual => number.lte(bound + 1),
        Comparison::Greater | Comparison::GreaterOrEqual => number.gte(bound - 1),
        Comparison::Equal | Comparison::Unequal => return None,
    };
    necessary(is_text(text).or(within))
}

/// A text begins with another, as JSON spells both: letter by letter the same, as long as no
/// letter of the beginning has to be spelled in another way.
fn begins(text: &Expr, beginning: &str, room: &mut usize) -> Option<Narrowed> {
    let plain = |letter: char| !letter.is_control() && !matches!(letter, '"' | '\\');
    if !beginning.chars().all(plain) {
        return None;
    }
    *room = room.checked_sub(1)?;
    let beginning = format!("\"{beginning}");
    let length = i64::try_from(beginning.chars().count()).ok()?;
    let begun = Func::cust("SUBSTR").args([text.clone(), Expr::val(1), Expr::val(length)]);
    exact(Expr::expr(begun).eq(beginning))
}
