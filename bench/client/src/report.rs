//! What all binaries tell.

use serde_json::{Value, json};

use crate::Contender;

/// One that is not there.
#[derive(Clone, Debug)]
pub struct Missing {
    /// Who.
    pub contender: Contender,
    /// Why.
    pub reason: String,
}

/// Prints who is not there, and why.
pub fn print_missing(missing: &[Missing]) {
    for one in missing {
        println!("– {}: {}", one.contender.name(), one.reason);
    }
}

/// The missing, for programs.
#[must_use]
pub fn missing_json(missing: &[Missing]) -> Value {
    let rows = missing
        .iter()
        .map(|one| json!({ "contender": one.contender.name(), "reason": one.reason }));
    rows.collect()
}

/// How these are set up, for programs.
#[must_use]
pub fn notes(contenders: &[Contender]) -> Value {
    let rows = contenders
        .iter()
        .map(|one| json!({ "name": one.name(), "note": one.note() }));
    rows.collect()
}
