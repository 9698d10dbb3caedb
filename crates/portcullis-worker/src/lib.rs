//! What the background workers of the Portcullis crates have in common.

mod backoff;
mod budget;

pub use self::{
    backoff::Jitter,
    budget::{BudgetRules, FetchBudget},
};
