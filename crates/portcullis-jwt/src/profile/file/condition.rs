//! A condition in a profile file: a table with a claim and one test.

use serde::Deserialize;

use crate::{ClaimPath, Condition};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConditionTable {
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

impl ConditionTable {
    pub(super) fn into_condition(self) -> Result<Condition, &'static str> {
        let claim = self.claim;
        if self.is_client.is_none() && (self.prefix.is_some() || self.suffix.is_some()) {
            return Err(
                "`prefix` and `suffix` belong to `is_client`: add `is_client`, or remove them",
            );
        }
        let holds = |wanted: bool, condition| {
            if wanted {
                condition
            } else {
                Condition::not(condition)
            }
        };
        let equals = |text| Condition::equals(claim.clone(), text);
        let starts_with = |text| Condition::starts_with(claim.clone(), text);
        let contains = |text| Condition::contains(claim.clone(), text);
        let is_client = |prefix: Option<String>, suffix: Option<String>| {
            let (prefix, suffix) = (prefix.unwrap_or_default(), suffix.unwrap_or_default());
            Condition::is_client_between(prefix, claim.clone(), suffix)
        };
        let conditions = [
            self.present
                .map(|wanted| holds(wanted, Condition::present(claim.clone()))),
            self.is_client
                .map(|wanted| holds(wanted, is_client(self.prefix, self.suffix))),
            self.equals.map(equals),
            self.not_equals.map(equals).map(Condition::not),
            self.absent_or_equals
                .map(|text| Condition::absent_or_equals(claim.clone(), text)),
            self.starts_with.map(starts_with),
            self.not_starts_with.map(starts_with).map(Condition::not),
            self.contains.map(contains),
            self.not_contains.map(contains).map(Condition::not),
            self.same_as
                .map(|other| Condition::same(claim.clone(), other)),
        ];
        let mut conditions = conditions.into_iter().flatten();
        match (conditions.next(), conditions.next()) {
            (Some(condition), None) => Ok(condition),
            _ => Err(
                "a condition needs exactly one test: one of present, is_client, equals, not_equals, absent_or_equals, \
                 starts_with, not_starts_with, contains, not_contains, same_as",
            ),
        }
    }
}
