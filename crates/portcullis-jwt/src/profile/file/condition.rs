//! A condition in a profile file: a table with a claim and one test.

use serde::de::{Deserialize, Deserializer, Error};

use crate::{ClaimPath, Condition};

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// A newtype, so that `toml` adds the position to an error of `condition`.
        #[derive(serde::Deserialize)]
        struct Newtype(#[serde(deserialize_with = "condition")] Condition);

        Newtype::deserialize(deserializer).map(|condition| condition.0)
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionTable {
    claim: ClaimPath,
    present: Option<bool>,
    is_client: Option<bool>,
    equals: Option<String>,
    not_equals: Option<String>,
    absent_or_equals: Option<String>,
    starts_with: Option<String>,
    not_starts_with: Option<String>,
    contains: Option<String>,
    not_contains: Option<String>,
    same_as: Option<ClaimPath>,
    prefix: Option<String>,
    suffix: Option<String>,
}

fn condition<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Condition, D::Error> {
    let table = ConditionTable::deserialize(deserializer)?;
    if table.is_client.is_none() && (table.prefix.is_some() || table.suffix.is_some()) {
        return Err(D::Error::custom(
            "`prefix` and `suffix` belong to `is_client`: add `is_client`, or remove them",
        ));
    }
    let claim = || table.claim.clone();
    let equals = |text| Condition::equals(claim(), text);
    let absent_or_equals = |text| Condition::absent_or_equals(claim(), text);
    let starts_with = |text| Condition::starts_with(claim(), text);
    let contains = |text| Condition::contains(claim(), text);
    let same = |other: ClaimPath| Condition::same(claim(), other);
    let (prefix, suffix) = (table.prefix, table.suffix);
    let (prefix, suffix) = (prefix.unwrap_or_default(), suffix.unwrap_or_default());
    let is_client = Condition::is_derived_from_client(claim(), prefix, suffix);
    let if_wanted = |condition: Condition| {
        move |wanted| match wanted {
            true => condition,
            false => Condition::not(condition),
        }
    };
    let conditions = [
        table.present.map(if_wanted(Condition::present(claim()))),
        table.is_client.map(if_wanted(is_client)),
        table.equals.map(equals),
        table.not_equals.map(equals).map(Condition::not),
        table.absent_or_equals.map(absent_or_equals),
        table.starts_with.map(starts_with),
        table.not_starts_with.map(starts_with).map(Condition::not),
        table.contains.map(contains),
        table.not_contains.map(contains).map(Condition::not),
        table.same_as.map(same),
    ];
    let mut conditions = conditions.into_iter().flatten();
    match (conditions.next(), conditions.next()) {
        (Some(condition), None) => Ok(condition),
        _ => Err(D::Error::custom(
            "a condition needs exactly one test: one of present, is_client, equals, not_equals, absent_or_equals, \
             starts_with, not_starts_with, contains, not_contains, same_as",
        )),
    }
}
