//! Reads a user's types so that a struct is a JSON object.
//!
//! A derived `Deserialize` of a struct also accepts an array of its fields. An array in place of an object is rejected
//! here.

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

/// Reads one value in which structs are objects and never arrays.
///
/// # Errors
///
/// If the bytes are not one JSON value that `T` can be read from.
pub fn objects_from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = T::deserialize(Objects(&mut json))?;
    json.end()?;
    Ok(value)
}

/// Forwards everything at every depth, but deserializes a struct as a map.
struct Objects<T>(T);

macro_rules! forward {
    ($($method:ident($($argument:ident: $type:ty),*);)*) => {
        $(
            fn $method<V: Visitor<'de>>(
                self,
                $($argument: $type,)*
                visitor: V,
            ) -> Result<V::Value, Self::Error> {
                self.0.$method($($argument,)* Objects(visitor))
            }
        )*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Objects<D> {
    type Error = D::Error;

    forward! {
        deserialize_any();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_newtype_struct(name: &'static str);
        deserialize_map();
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_ignored_any();
    }

    forward_to_deserialize_any! {
        bool char str string unit unit_struct seq tuple tuple_struct identifier
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.deserialize_map(Objects(visitor))
    }
}

macro_rules! visit {
    ($($method:ident($type:ty);)*) => {
        $(
            fn $method<E: Error>(self, value: $type) -> Result<Self::Value, E> {
                self.0.$method(value)
            }
        )*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Objects<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    visit! {
        visit_bool(bool);
        visit_i64(i64);
        visit_i128(i128);
        visit_u64(u64);
        visit_u128(u128);
        visit_f64(f64);
        visit_str(&str);
        visit_borrowed_str(&'de str);
        visit_string(String);
        visit_bytes(&[u8]);
        visit_borrowed_bytes(&'de [u8]);
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        self.0.visit_some(Objects(value))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        self.0.visit_newtype_struct(Objects(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        self.0.visit_seq(Objects(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        self.0.visit_map(Objects(members))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<Self::Value, A::Error> {
        self.0.visit_enum(Objects(variant))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Objects<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.0.deserialize(Objects(deserializer))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Self::Error> {
        self.0.next_element_seed(Objects(seed))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Self::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, Self::Error> {
        self.0.next_value_seed(Objects(seed))
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Objects<A> {
    type Error = A::Error;
    type Variant = Objects<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), Self::Error> {
        let (value, variant) = self.0.variant_seed(Objects(seed))?;
        Ok((value, Objects(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), Self::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<S::Value, Self::Error> {
        self.0.newtype_variant_seed(Objects(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.tuple_variant(length, Objects(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.newtype_variant_seed(Members(visitor))
    }
}

/// The members of a variant.
struct Members<V>(V);

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Members<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(Objects(self.0))
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
        assert!(objects_from_slice::<Value>(b"{} {}").is_err());
    }
}
