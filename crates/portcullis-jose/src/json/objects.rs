//! Reads a user's types so that a struct is a JSON object.
//!
//! A derived `Deserialize` of a struct also accepts an array of its fields. An array in place of an object is rejected
//! here.

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Map, Value};

use super::members::RESERVED_PREFIX;

/// Reads one value in which structs are objects and never arrays.
pub fn objects_from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    T::deserialize(Objects::value(serde_json::from_slice(bytes)?))
}

/// Deserializes like `serde_json` at every depth, but rejects an array as a struct.
struct Objects {
    json: Value,
    /// Whether `json` is the name of a member, which may also be read as a number.
    is_name: bool,
}

impl Objects {
    fn value(json: Value) -> Self {
        let is_name = false;
        Self { json, is_name }
    }

    fn members(object: Map<String, Value>) -> impl Iterator<Item = (Self, Self)> {
        let name = |name| Self {
            json: Value::String(name),
            is_name: true,
        };
        object
            .into_iter()
            .map(move |(text, value)| (name(text), Self::value(value)))
    }
}

impl IntoDeserializer<'_, Error> for Objects {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
                match self.json {
                    // JSON may have white space around a number, but `" 7"` is not a second name of 7.
                    Value::String(name) if self.is_name && name.trim() == name => {
                        serde_json::from_str::<Value>(&name)?.$method(visitor)
                    }
                    value => value.$method(visitor),
                }
            }
        )*
    };
}

impl<'de> Deserializer<'de> for Objects {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.json {
            Value::Array(items) => {
                SeqDeserializer::new(items.into_iter().map(Self::value)).deserialize_any(visitor)
            }
            Value::Object(object) => {
                MapDeserializer::new(Self::members(object)).deserialize_any(visitor)
            }
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.json {
            Value::Array(_) => Err(Error::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.json {
            Value::Object(object) if object.len() == 1 => {
                let variant = MapDeserializer::new(Self::members(object));
                MapAccessDeserializer::new(variant).deserialize_enum(name, variants, visitor)
            }
            value => value.deserialize_enum(name, variants, visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.json {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name.starts_with(RESERVED_PREFIX) {
            // A `RawValue`.
            return self.json.deserialize_newtype_struct(name, visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    numbers! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u8
        deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::{Value, value::RawValue};

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Tenant {
        name: String,
        tier: Option<Tier>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    enum Tier {
        Free,
        Paid { seats: u32 },
        Other(Box<Tenant>),
    }

    fn read(json: &str) -> Option<Tenant> {
        objects_from_slice(json.as_bytes()).ok()
    }

    #[test]
    fn array_in_place_of_a_struct_is_rejected_at_any_depth() {
        let tenant = |tier| {
            let name = "a".to_owned();
            Some(Tenant { name, tier })
        };
        assert_eq!(read(r#"{"name":"a"}"#), tenant(None));
        assert_eq!(
            read(r#"{"name":"a","tier":"Free"}"#),
            tenant(Some(Tier::Free))
        );
        assert_eq!(
            read(r#"{"name":"a","tier":{"Paid":{"seats":3}}}"#),
            tenant(Some(Tier::Paid { seats: 3 }))
        );
        assert!(read(r#"{"name":"a","tier":{"Other":{"name":"b"}}}"#).is_some());
        for array in [
            r#"["a",null]"#,
            r#"{"name":"a","tier":{"Paid":[3]}}"#,
            r#"{"name":"a","tier":{"Other":["b",null]}}"#,
        ] {
            assert_eq!(read(array), None, "{array}");
            assert!(
                serde_json::from_str::<Tenant>(array).is_ok(),
                "serde takes {array} for an object"
            );
        }
        let list = |json: &str| objects_from_slice::<Vec<Tenant>>(json.as_bytes()).is_ok();
        assert!(list(r#"[{"name":"a"}]"#) && !list(r#"[["a",null]]"#));
    }

    #[test]
    fn other_types_are_read_as_by_serde_json() {
        let json = br#"{"a":[1,-1,1.5,true,null,"\u0061",{"b":[]}]}"#;
        let value: Value = objects_from_slice(json).expect("any JSON");
        assert_eq!(
            value,
            serde_json::from_slice::<Value>(json).expect("any JSON")
        );
        let raw: BTreeMap<String, Box<RawValue>> = objects_from_slice(json).expect("any JSON");
        assert!(raw["a"].get().starts_with("[1,"));
        let pair: (u8, String) = objects_from_slice(br#"[1,"a"]"#).expect("a tuple is an array");
        assert_eq!(pair, (1, "a".to_owned()));
        let numbered: BTreeMap<u8, bool> = objects_from_slice(br#"{"7":true}"#).expect("a number");
        assert_eq!(numbered, BTreeMap::from([(7, true)]));
        assert!(objects_from_slice::<u8>(br#""7""#).is_err());
        for name in [" 7", "7 ", r"\n7", r"\t7", "07", "+7", "7.0", ""] {
            let json = format!(r#"{{"{name}":true}}"#);
            let numbered = objects_from_slice::<BTreeMap<u8, bool>>(json.as_bytes());
            assert!(numbered.is_err(), "{name:?}: {numbered:?}");
        }
        assert!(objects_from_slice::<Value>(b"{} {}").is_err());
    }
}
