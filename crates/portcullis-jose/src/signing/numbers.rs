//! The private members of a JWK, read without leaving a copy behind.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::SigningKeyError;
use crate::base64url;
use crate::json::{self, IgnoredUnique, Members};
use crate::jwk::SkipReason;

/// `d`, and for RSA the primes and what is made of them.
pub(super) struct Numbers {
    pub(super) d: Option<Number>,
    rsa: [Option<Number>; 5],
    other_primes: bool,
}

type Number = Zeroizing<Vec<u8>>;

const RSA: [&str; 5] = ["p", "q", "dp", "dq", "qi"];

impl Numbers {
    pub(super) fn parse(json: &[u8]) -> Result<Self, SkipReason> {
        let raw: RawNumbers<'_> = json::from_slice(json).map_err(SkipReason::Json)?;
        let mut rsa = [const { None }; RSA.len()];
        for (index, number) in raw.rsa.into_iter().enumerate() {
            rsa[index] = decode(RSA[index], number)?;
        }
        Ok(Self {
            d: decode("d", raw.d)?,
            rsa,
            other_primes: raw.other_primes,
        })
    }

    /// `p`, `q`, `dp`, `dq` and `qi`.
    pub(super) fn rsa(&self) -> Result<[&[u8]; 5], SigningKeyError> {
        if self.other_primes {
            return Err(SigningKeyError::MultiPrime);
        }
        let mut numbers = [&[][..]; RSA.len()];
        for (index, name) in RSA.into_iter().enumerate() {
            numbers[index] = self.rsa[index]
                .as_deref()
                .ok_or(SigningKeyError::IncompleteRsa { name })?;
        }
        Ok(numbers)
    }
}

/// Borrows the text as it stands: base64url needs no escapes, so one that has them is ill-formed. `null` counts as absent:
/// some libraries write it for each member that a key does not have.
fn decode(name: &'static str, value: Option<&RawValue>) -> Result<Option<Number>, SkipReason> {
    let Some(value) = value.filter(|value| value.get() != "null") else {
        return Ok(None);
    };
    let malformed = SkipReason::Malformed { name };
    let text = value
        .get()
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .ok_or(malformed)?;
    let mut number = Zeroizing::new(vec![0; text.len()]);
    let length = base64url::decode_into(text.as_bytes(), &mut number)
        .map_err(|_| malformed)?
        .len();
    number.truncate(length);
    Ok(Some(number))
}

#[derive(Default)]
struct RawNumbers<'j> {
    d: Option<&'j RawValue>,
    rsa: [Option<&'j RawValue>; RSA.len()],
    other_primes: bool,
}

impl<'de> Deserialize<'de> for RawNumbers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumbersVisitor;

        impl<'de> Visitor<'de> for NumbersVisitor {
            type Value = RawNumbers<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut numbers = RawNumbers::default();
                let mut members = Members::new();
                while let Some(name) = members.next(&mut map)? {
                    if name == "d" {
                        numbers.d = Some(map.next_value()?);
                    } else if let Some(index) = RSA.iter().position(|of| *of == name) {
                        numbers.rsa[index] = Some(map.next_value()?);
                    } else {
                        let is_oth = name == "oth";
                        let value = map.next_value::<Option<IgnoredUnique>>()?;
                        numbers.other_primes |= is_oth && value.is_some();
                    }
                }
                Ok(numbers)
            }
        }

        deserializer.deserialize_map(NumbersVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_strict_base64url_without_escapes() {
        let d = |json: &str| Numbers::parse(json.as_bytes()).map(|numbers| numbers.d);
        assert_eq!(d("{}"), Ok(None));
        assert_eq!(d(r#"{"d":null}"#), Ok(None));
        assert_eq!(
            d(r#"{"d":"AQAB","k":"?"}"#).map(|d| d.map(|d| d.to_vec())),
            Ok(Some(vec![1, 0, 1]))
        );
        for malformed in [
            r#""AQAB=""#,
            r#""AQA\u0042""#,
            r#""AR""#,
            r#""A""#,
            "1",
            "[]",
        ] {
            assert_eq!(
                d(&format!(r#"{{"d":{malformed}}}"#)),
                Err(SkipReason::Malformed { name: "d" }),
                "{malformed}"
            );
        }
        assert!(matches!(
            d(r#"{"d":"AQAB","\u0064":"AQAB"}"#),
            Err(SkipReason::Json(_))
        ));
    }

    #[test]
    fn the_first_missing_member_is_named() {
        let rsa = |json: &str| {
            let numbers = Numbers::parse(json.as_bytes()).expect("numbers");
            numbers.rsa().map(|numbers| numbers.map(<[u8]>::to_vec))
        };
        let all = r#""p":"AQ","q":"Ag","dp":"Aw","dq":"BA","qi":"BQ""#;
        let expected = [1, 2, 3, 4, 5].map(|number| vec![number]);
        assert_eq!(rsa(&format!("{{{all}}}")), Ok(expected));
        assert_eq!(
            rsa(r#"{"d":"AQ","p":"AQ","q":"Ag","dq":"BA"}"#),
            Err(SigningKeyError::IncompleteRsa { name: "dp" })
        );
        assert_eq!(
            rsa(&format!(r#"{{{all},"oth":[]}}"#)),
            Err(SigningKeyError::MultiPrime)
        );
        assert!(rsa(&format!(r#"{{{all},"oth":null}}"#)).is_ok());
        assert_eq!(
            rsa(r#"{"d":"AQ","p":"AQ","q":null}"#),
            Err(SigningKeyError::IncompleteRsa { name: "q" })
        );
    }
}
