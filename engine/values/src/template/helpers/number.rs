//! Helpers for arithmetic and for formatting numbers.

use serde_json::{Number, Value};

use super::Call;
use crate::decimal::Decimal;
use crate::order::whole;

/// Digits after the point.
const PLACES: usize = 30;

fn number<'a>(call: &'a Call, at: usize) -> Result<&'a Number, String> {
    match call.value(at) {
        Value::Number(number) => Ok(number),
        other => {
            let shown: String = other.to_string().chars().take(60).collect();
            Err(format!("{shown} is not a number"))
        }
    }
}

fn float(number: &Number) -> f64 {
    number.as_f64().unwrap_or(0.0)
}

/// Calculates exactly if all values and the result are integers, and otherwise with floats.
fn fold(call: &Call, exact: fn(i128, i128) -> Option<i128>, rough: fn(f64, f64) -> f64) -> Result<Value, String> {
    let numbers = (0..call.values.len()).map(|at| number(call, at)).collect::<Result<Vec<_>, _>>()?;
    let integers: Option<Vec<i128>> = numbers.iter().map(|number| whole(number)).collect();
    let sum = integers.and_then(|all| all.into_iter().map(Some).reduce(|a, b| exact(a?, b?)).flatten());
    if let Some(integer) = sum.and_then(Number::from_i128) {
        return Ok(Value::Number(integer));
    }
    let sum = numbers.into_iter().map(float).reduce(rough).unwrap_or(0.0);
    Number::from_f64(sum).map(Value::Number).ok_or_else(|| "the result is too large".to_owned())
}

pub(super) fn add(call: &Call) -> Result<Value, String> {
    fold(call, i128::checked_add, |a, b| a + b)
}

pub(super) fn sub(call: &Call) -> Result<Value, String> {
    fold(call, i128::checked_sub, |a, b| a - b)
}

pub(super) fn mul(call: &Call) -> Result<Value, String> {
    fold(call, i128::checked_mul, |a, b| a * b)
}

pub(super) fn div(call: &Call) -> Result<Value, String> {
    if (1..call.values.len()).any(|at| number(call, at).is_ok_and(|number| float(number) == 0.0)) {
        return Err("a number cannot be divided by zero".to_owned());
    }
    fold(call, |a, b| if a % b == 0 { Some(a / b) } else { None }, |a, b| a / b)
}

/// `{{round total 2}}` rounds half away from zero; without a number of digits, to an integer.
pub(super) fn round(call: &Call) -> Result<Value, String> {
    if call.value(0).is_null() {
        return Ok(Value::Null);
    }
    let places = match call.values.len() {
        1 => 0,
        _ => call
            .value(1)
            .as_u64()
            .filter(|places| *places <= PLACES as u64)
            .ok_or("the number of digits must be from 0 to 30")?,
    };
    Ok(Decimal::new(number(call, 0)?).rounded(places as usize).into_value())
}

/// `{{format total "#,##0.00"}}`; `decimal=","` and `group="."` change the separators.
pub(super) fn format(call: &Call) -> Result<Value, String> {
    if call.value(0).is_null() {
        return Ok(Value::Null);
    }
    let pattern = Pattern::parse(call.pattern("#,##0.00")?)?;
    let separator = |name: &str, default: &'static str| match call.option(name) {
        None => Ok(default.to_owned()),
        Some(Value::String(text)) if text.chars().count() <= 1 => Ok(text.clone()),
        Some(_) => Err(format!("`{name}` must be one character")),
    };
    let (point, group) = (separator("decimal", ".")?, separator("group", ",")?);
    Ok(pattern.write(Decimal::new(number(call, 0)?), &point, &group).into())
}

/// A pattern such as `EUR #,##0.00`.
struct Pattern<'a> {
    /// The text before the digits.
    before: &'a str,
    /// The text after the digits.
    after: &'a str,
    /// The least number of digits before the point.
    integer: usize,
    /// The least number of digits after the point.
    least: usize,
    /// The highest number of digits after the point.
    most: usize,
    /// Whether the digits before the point are in groups of three.
    grouped: bool,
}

impl Pattern<'_> {
    fn parse(pattern: &str) -> Result<Pattern<'_>, String> {
        let digit = |letter: char| matches!(letter, '#' | '0');
        let wrong = || format!("the pattern \"{pattern}\" has no digits; write it like \"#,##0.00\"");
        let start = pattern.find(digit).ok_or_else(wrong)?;
        let end = pattern.rfind(digit).ok_or_else(wrong)? + 1;
        let digits = &pattern[start..end];
        let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if !digits.chars().all(|letter| digit(letter) || letter == ',' || letter == '.')
            || fraction.contains([',', '.'])
            || digits.len() > PLACES
        {
            return Err(format!("the pattern \"{pattern}\" is wrong; write it like \"#,##0.00\""));
        }
        Ok(Pattern {
            before: &pattern[..start],
            after: &pattern[end..],
            integer: integer.matches('0').count(),
            least: fraction.matches('0').count(),
            most: fraction.len(),
            grouped: integer.contains(','),
        })
    }

    fn write(&self, number: Decimal, point: &str, group: &str) -> String {
        let shift = if self.after.trim_start().starts_with('%') { 2 } else { 0 };
        let number = number.shifted(shift).rounded(self.most);
        let (whole, fraction) = number.parts();
        let whole = format!("{whole:0>width$}", width = self.integer);
        let whole = if self.grouped { in_groups(&whole, group) } else { whole };
        let fraction = format!("{fraction:0<width$}", width = self.least);
        let kept = fraction.trim_end_matches('0').len().max(self.least);
        let fraction = &fraction[..kept];
        let sign = if number.is_negative() { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { point };
        format!("{}{sign}{whole}{point}{fraction}{}", self.before, self.after)
    }
}

fn in_groups(digits: &str, separator: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push_str(separator);
        }
        grouped.push(digit);
    }
    grouped
}
