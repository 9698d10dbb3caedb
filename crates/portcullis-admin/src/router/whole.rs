//! Whole numbers in requests.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Visitor},
};

/// A whole number. JSON does not distinguish `60` from `60.0`, but `serde_json` does.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Whole(pub(crate) u32);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WholeVisitor)
    }
}

struct WholeVisitor;

impl Visitor<'_> for WholeVisitor {
    type Value = Whole;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from 0 to 4294967295")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Whole, E> {
        let whole = u32::try_from(number).map(Whole);
        whole.map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Whole, E> {
        match number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) {
            true => Ok(Whole(number as u32)),
            false => Err(E::invalid_value(de::Unexpected::Float(number), &self)),
        }
    }
}
