//! What no check can be below.

use portcullis_bench_suite::{FloorLayer, Signer};
use portcullis_jwt::Algorithm;

use super::{Absent, ApiKey, Built};
use crate::{Load, Through, layered::layered};

/// The one credential that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floor {
    /// A token that was verified before.
    Token,
    /// An API key.
    Key,
}

impl Floor {
    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "the floor, known token",
            Self::Key => "the floor, API key",
        }
    }

    /// The stack, and requests that it accepts.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn build(self, through: Through) -> Result<(Built, Load), Absent> {
        let (load, layer): (_, fn(&str) -> FloorLayer) = match self {
            Self::Token => (
                Load::tokens(&[Signer::new(Algorithm::RS256).token()]),
                FloorLayer::token,
            ),
            Self::Key => (ApiKey::Plain.build(through)?.1, FloorLayer::key),
        };
        Ok((layered(layer(&load.values()[0]), through)?, load))
    }
}
