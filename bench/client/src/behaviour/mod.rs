//! What contenders do when there is no token at hand, or soon none.

mod calls;
mod cold;
mod faults;
mod outage;
mod renewal;

use std::time::Duration;

pub use self::{
    cold::{Cold, cold},
    faults::{FAULTS, fault},
    outage::{Outage, Outcomes, outage},
    renewal::{Renewal, renewal},
};

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Callers at once of a cold contender.
    pub callers: usize,
    /// How long the issuer takes to answer the first of them.
    pub answer: Duration,
    /// How long tokens live: seconds, so that their end comes. Clocks could be set for some contenders, not for all.
    pub lifetime: Duration,
    /// How long one request to the issuer may take.
    pub timeout: Duration,
    /// How long a call may take before it counts as hanging.
    pub patience: Duration,
    /// How long the calls of an outage are spread over.
    pub spread: Duration,
}

impl Effort {
    /// For figures, or to see that all works.
    #[must_use]
    pub const fn new(quick: bool) -> Self {
        if quick {
            Self {
                callers: 2_000,
                answer: Duration::from_millis(250),
                lifetime: Duration::from_secs(3),
                timeout: Duration::from_millis(500),
                patience: Duration::from_millis(1_500),
                spread: Duration::from_millis(500),
            }
        } else {
            Self {
                callers: 10_000,
                answer: Duration::from_secs(1),
                lifetime: Duration::from_secs(10),
                timeout: Duration::from_secs(1),
                patience: Duration::from_secs(5),
                spread: Duration::from_secs(2),
            }
        }
    }
}
