//! tower-http's comparison of the header with one fixed value.

use tower_http::validate_request::ValidateRequestHeaderLayer;

use super::{Absent, Built};
use crate::{Load, Through, layered::layered};

/// `ValidateRequestHeaderLayer::bearer`: deprecated there, and the least that a check can be.
#[derive(Clone, Copy, Debug)]
pub struct StaticBearer;

impl StaticBearer {
    /// Its name in tables.
    pub const NAME: &str = "tower-http static bearer";

    /// The stack, and requests that it accepts.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn build(self, through: Through) -> Result<(Built, Load), Absent> {
        let token = "Zr9oHwXvCkP1mQ7sT3uYbN5eAfGdJ2kLxV8iR4oW6pE";
        #[allow(deprecated)] // its users are told that it is no authentication, which is right
        let layer = ValidateRequestHeaderLayer::bearer(token);
        let load = Load::tokens(&[token.to_owned()]);
        Ok((layered(layer, through)?, load))
    }
}
