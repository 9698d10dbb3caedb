//! What no check can be below.

use portcullis_bench_suite::{FloorLayer, Signer};
use portcullis_jwt::Algorithm;

use super::{Absent, ApiKey, Built, new_token::NewTokenLayer};
use crate::{Load, Through, layered::layered};

/// The one credential that is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floor {
    /// A token that was verified before.
    Token,
    /// An API key.
    Key,
    /// A token that was not seen before, and is not remembered.
    NewToken,
}

impl Floor {
    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "the floor, known token",
            Self::Key => "the floor, API key",
            Self::NewToken => "the floor, new token",
        }
    }

    /// The stack, and requests that it accepts.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn build(self, through: Through) -> Result<(Built, Load), Absent> {
        let signer = Signer::new(Algorithm::RS256);
        let token = || Load::tokens(&[signer.token()]);
        Ok(match self {
            Self::Token => {
                let load = token();
                let layer = FloorLayer::token(&load.values()[0]);
                (layered(layer, through)?, load)
            }
            Self::Key => {
                let (_, load) = ApiKey::Plain.build(through)?;
                let layer = FloorLayer::key(&load.values()[0]);
                (layered(layer, through)?, load)
            }
            Self::NewToken => (layered(NewTokenLayer::new(&signer)?, through)?, token()),
        })
    }
}
