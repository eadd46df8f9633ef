//! Decimal numbers, rounded as people do: half away from zero, by the digits that are shown (2.675
//! becomes 2.68, not 2.67).

use serde_json::{Number, Value};

use crate::order::whole;

/// A decimal number.
pub(crate) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    /// How many of the digits are after the point.
    places: usize,
}

impl Decimal {
    /// The number with exactly the digits of its JSON text, without an exponent.
    pub(crate) fn new(number: &Number) -> Decimal {
        let text = match whole(number) {
            Some(whole) => whole.to_string(),
            None => number.as_f64().unwrap_or(0.0).to_string(),
        };
        let (negative, text) = text.strip_prefix('-').map_or((false, &*text), |rest| (true, rest));
        let (before, after) = text.split_once('.').unwrap_or((text, ""));
        let digits = before.bytes().chain(after.bytes()).map(|digit| digit - b'0').collect();
        Decimal { negative, digits, places: after.len() }
    }

    /// Moves the point to the right: by two places for a percentage.
    pub(crate) fn shifted(mut self, by: usize) -> Decimal {
        for _ in 0..by {
            if self.places == 0 {
                self.digits.push(0);
            } else {
                self.places -= 1;
            }
        }
        self
    }

    /// Rounds to at most this number of digits after the point.
    pub(crate) fn rounded(mut self, places: usize) -> Decimal {
        if self.places <= places {
            return self;
        }
        let kept = self.digits.len() - (self.places - places);
        let up = self.digits[kept] >= 5;
        self.digits.truncate(kept);
        self.places = places;
        if up {
            self.increment();
        }
        self
    }

    fn increment(&mut self) {
        for digit in self.digits.iter_mut().rev() {
            if *digit < 9 {
                *digit += 1;
                return;
            }
            *digit = 0;
        }
        self.digits.insert(0, 1);
    }

    /// Whether it is less than zero.
    pub(crate) fn is_negative(&self) -> bool {
        self.negative && self.digits.iter().any(|digit| *digit != 0)
    }

    /// The digits before the point, without leading zeros, and those after it.
    pub(crate) fn parts(&self) -> (String, String) {
        let (before, after) = self.digits.split_at(self.digits.len() - self.places);
        let text = |digits: &[u8]| digits.iter().map(|digit| char::from(digit + b'0')).collect::<String>();
        (text(before).trim_start_matches('0').to_owned(), text(after))
    }

    /// The JSON number: an integer if there are only zeros after the point.
    pub(crate) fn into_value(self) -> Value {
        let (before, after) = self.parts();
        let sign = if self.is_negative() { "-" } else { "" };
        let whole = format!("{sign}{}", if before.is_empty() { "0" } else { &before });
        if after.bytes().all(|digit| digit == b'0') {
            if let Ok(number) = whole.parse::<i64>() {
                return number.into();
            }
            if let Ok(number) = whole.parse::<u64>() {
                return number.into();
            }
        }
        // Digits with a point can always be parsed. A number outside of the range of f64 becomes null.
        format!("{whole}.{after}0").parse::<f64>().map_or(Value::Null, Value::from)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rounded(value: Value, places: usize) -> Value {
        Decimal::new(value.as_number().expect("a number")).rounded(places).into_value()
    }

    #[test]
    fn rounds_half_away_from_zero_on_what_is_shown() {
        assert_eq!(rounded(json!(2.675), 2), json!(2.68));
        assert_eq!(rounded(json!(-2.5), 0), json!(-3));
        assert_eq!(rounded(json!(9.999), 2), json!(10));
        assert_eq!(rounded(json!(-0.4), 0), json!(0));
        assert_eq!(rounded(json!(u64::MAX), 2), json!(u64::MAX));
        assert_eq!(rounded(json!(1e21), 0), json!(1e21));
        assert_eq!(rounded(json!(1e-7), 3), json!(0));
    }
}
