//! A condition: a table with a claim and what is asked of it.

use toml::{Spanned, de::DeValue};

use super::fields::{Fields, Mistake, must_be};
use crate::{ClaimPath, Condition};

const FIELDS: [&str; 13] = [
    "claim",
    "present",
    "is_client",
    "equals",
    "not_equals",
    "absent_or_equals",
    "starts_with",
    "not_starts_with",
    "contains",
    "not_contains",
    "same_as",
    "prefix",
    "suffix",
];

type FromText = fn(ClaimPath, String) -> Condition;

const FROM_TEXT: [(&str, FromText); 7] = [
    ("equals", |claim, text| Condition::equals(claim, text)),
    ("not_equals", |claim, text| {
        Condition::not(Condition::equals(claim, text))
    }),
    ("absent_or_equals", |claim, text| {
        Condition::absent_or_equals(claim, text)
    }),
    ("starts_with", |claim, text| {
        Condition::starts_with(claim, text)
    }),
    ("not_starts_with", |claim, text| {
        Condition::not(Condition::starts_with(claim, text))
    }),
    ("contains", |claim, text| Condition::contains(claim, text)),
    ("not_contains", |claim, text| {
        Condition::not(Condition::contains(claim, text))
    }),
];

pub(super) fn read(value: Spanned<DeValue<'_>>, field: &str) -> Result<Condition, Mistake> {
    let at = value.span().start;
    let wrong = must_be(&value, field);
    let DeValue::Table(table) = value.into_inner() else {
        return Err(wrong);
    };
    let mut fields = Fields::new(table, Some(at));
    fields.only(&FIELDS, &[])?;
    let Some(claim) = fields.claim("claim")? else {
        return Err(fields.missing("claim"));
    };

    let mut conditions = Vec::new();
    if let Some(present) = fields.flag("present")? {
        conditions.push(if present {
            Condition::present(claim.clone())
        } else {
            Condition::absent(claim.clone())
        });
    }
    let is_client = fields.flag("is_client")?;
    let mut around = |name| Ok(fields.text(name)?.map(Spanned::into_inner));
    let (prefix, suffix) = (around("prefix")?, around("suffix")?);
    if is_client.is_none() && (prefix.is_some() || suffix.is_some()) {
        let problem =
            "`prefix` and `suffix` belong to `is_client`: add `is_client`, or remove them";
        return Err(Mistake::new(at, problem));
    }
    if let Some(is_client) = is_client {
        let condition = Condition::is_client_between(
            prefix.unwrap_or_default(),
            claim.clone(),
            suffix.unwrap_or_default(),
        );
        conditions.push(if is_client {
            condition
        } else {
            Condition::not(condition)
        });
    }
    for (name, condition) in FROM_TEXT {
        if let Some(text) = fields.text(name)? {
            conditions.push(condition(claim.clone(), text.into_inner()));
        }
    }
    if let Some(other) = fields.claim("same_as")? {
        conditions.push(Condition::same(claim, other));
    }

    match (conditions.pop(), conditions.len()) {
        (Some(condition), 0) => Ok(condition),
        (_, others) => {
            let count = if others == 0 {
                "no test"
            } else {
                "several tests"
            };
            let tests = FIELDS[1..11].join(", ");
            Err(Mistake::new(
                at,
                format!("this condition has {count}: give exactly one of {tests}"),
            ))
        }
    }
}
