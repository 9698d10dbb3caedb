//! Durations in requests: seconds as a number, or a text such as `90d`.

use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Visitor},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type},
    },
};

/// 99999 days, which end long before the last time that a store can hold.
const MAX_SECONDS: u64 = 99_999 * 24 * 60 * 60;

/// How long a new key lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Lifetime {
    Limited(Duration),
    Never,
}

/// How long a rotated key still works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grace(pub(crate) Duration);

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let lifetime = deserializer.deserialize_any(DurationVisitor { allows_never: true })?;
        match lifetime {
            Self::Limited(Duration::ZERO) => Err(de::Error::custom("a key must live at least 1 s")),
            lifetime => Ok(lifetime),
        }
    }
}

impl<'de> Deserialize<'de> for Grace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = DurationVisitor {
            allows_never: false,
        };
        match deserializer.deserialize_any(visitor)? {
            Lifetime::Limited(grace) => Ok(Self(grace)),
            Lifetime::Never => Err(de::Error::custom(FORM)),
        }
    }
}

const FORM: &str = "expected a number of seconds, or a text such as \"90d\", with s, m, h or d";

struct DurationVisitor {
    allows_never: bool,
}

impl Visitor<'_> for DurationVisitor {
    type Value = Lifetime;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds, or a text such as \"90d\"")
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Lifetime, E> {
        match seconds <= MAX_SECONDS {
            true => Ok(Lifetime::Limited(Duration::from_secs(seconds))),
            false => Err(E::custom("the duration is too long: give a shorter one")),
        }
    }

    /// JSON does not distinguish `60` from `60.0`.
    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Lifetime, E> {
        match seconds >= 0.0 && seconds <= MAX_SECONDS as f64 && seconds.fract() == 0.0 {
            true => self.visit_u64(seconds as u64),
            false => Err(E::custom(FORM)),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Lifetime, E> {
        match text {
            "never" if self.allows_never => Ok(Lifetime::Never),
            _ => {
                let seconds = parse(text).ok_or_else(|| E::custom(FORM))?;
                self.visit_u64(seconds)
            }
        }
    }
}

/// A whole number without leading zeros, and its unit.
fn parse(text: &str) -> Option<u64> {
    const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 60 * 60), ('d', 24 * 60 * 60)];

    let split = |(unit, seconds)| Some((text.strip_suffix(unit)?, seconds));
    let (number, seconds) = UNITS.into_iter().find_map(split)?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit())
        && (number == "0" || !number.starts_with('0'));
    let number: u64 = number.parse().ok().filter(|_| is_number)?;
    number.checked_mul(seconds)
}

impl ToSchema for Lifetime {}

impl PartialSchema for Lifetime {
    fn schema() -> RefOr<Schema> {
        let description = "How long the key lives: seconds, or a text such as `90d`, or `never`.";
        schema(
            description,
            1,
            r"^([1-9]\d{0,4}d|[1-9]\d{0,5}h|[1-9]\d{0,7}m|[1-9]\d{0,8}s|never)$",
        )
    }
}

impl ToSchema for Grace {}

impl PartialSchema for Grace {
    fn schema() -> RefOr<Schema> {
        let description = "How long the old key still works: seconds, or a text such as `72h`.";
        schema(
            description,
            0,
            r"^(0[smhd]|[1-9]\d{0,4}d|[1-9]\d{0,5}h|[1-9]\d{0,7}m|[1-9]\d{0,8}s)$",
        )
    }
}

fn schema(description: &str, min: u64, pattern: &str) -> RefOr<Schema> {
    let seconds = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(min))
        .maximum(Some(MAX_SECONDS));
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern));
    OneOfBuilder::new()
        .description(Some(description))
        .item(seconds)
        .item(text)
        .into()
}
