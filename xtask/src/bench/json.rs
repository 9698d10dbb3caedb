//! What the programs wrote, read with a word about what is missing.

use serde_json::Value;

use crate::Failure;

/// The elements of a list.
///
/// # Errors
///
/// When there is no such list.
pub(super) fn list<'a>(value: &'a Value, key: &str) -> Result<&'a [Value], Failure> {
    let list = value[key].as_array();
    list.map(Vec::as_slice)
        .ok_or_else(|| format!("the figures have no list {key:?}"))
}

/// A text; nothing where there is none.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// A number, rounded to so many digits behind the point, with commas between thousands.
pub(super) fn number(value: &Value, key: &str, digits: usize) -> String {
    value[key]
        .as_f64()
        .map_or_else(|| "–".to_owned(), |number| grouped(number, digits))
}

/// As [`number`] writes them.
pub(super) fn grouped(number: f64, digits: usize) -> String {
    let plain = format!("{:.digits$}", number.abs());
    let (whole, fraction) = plain
        .split_once('.')
        .map_or((&*plain, None), |(whole, fraction)| (whole, Some(fraction)));
    let is_zero = plain
        .chars()
        .all(|character| matches!(character, '0' | '.'));
    let mut text = String::new();
    if number < 0.0 && !is_zero {
        text.push('−');
    }
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(1_234_567.4, 0), "1,234,567");
        assert_eq!(grouped(-1_234.56, 1), "−1,234.6");
        assert_eq!(grouped(123.0, 0), "123");
        assert_eq!(grouped(-0.2, 0), "0");
    }

    #[test]
    fn what_is_not_there_is_said_or_shown() {
        let value = serde_json::json!({ "rows": 1 });
        assert!(list(&value, "rows").is_err());
        assert_eq!(number(&value, "none", 0), "–");
    }
}
