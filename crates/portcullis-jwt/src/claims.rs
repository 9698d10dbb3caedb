//! The claims of a token (RFC 7519 §4), parsed once, after the signature has held.

use std::{borrow::Cow, fmt, time::Duration};

use portcullis_core::UnixTime;
use portcullis_jose::json::{
    DUPLICATE, IgnoredUnique, JsonError, MAX_DEPTH, Members, Next, TOO_DEEP, Text, refuse_reserved,
};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use smallvec::SmallVec;

use crate::claim_name::{Brief, NameFilter, Named};
use crate::claim_path::{ClaimPath, Step};

/// The members of a claims set, borrowed from the decoded payload.
///
/// Parsing holds the whole payload to strict JSON, with no member named twice at any depth, and keeps what a profile
/// can ask for: texts, numbers, the lists it names, and the claims that its paths lead into. Whatever else there is
/// keeps its name and its type only.
#[derive(Debug, Default)]
pub(crate) struct Claims<'de> {
    members: SmallVec<[Member<'de>; 12]>,
    names: NameFilter,
}

#[derive(Debug)]
struct Member<'de> {
    brief: Brief,
    name: Cow<'de, str>,
    claim: Claim<'de>,
}

impl Member<'_> {
    fn is_named(&self, name: &str, brief: Brief) -> bool {
        self.brief == brief && (brief.is_whole() || self.name == name)
    }
}

impl<'de> Claims<'de> {
    /// Reads a payload into claims that are empty. `keep` tells what to keep of a claim that is an array or an object.
    ///
    /// In place: they are of many words, and would be moved from hand to hand.
    pub(crate) fn read(
        &mut self,
        payload: &'de [u8],
        keep: &dyn Fn(&str) -> Keep,
    ) -> Result<(), JsonError> {
        debug_assert!(self.members.is_empty(), "claims of two payloads");
        let text = std::str::from_utf8(payload).map_err(|_| JsonError::NotUtf8)?;
        let mut json = serde_json::Deserializer::from_str(text);
        let seed = ClaimsSeed { claims: self, keep };
        seed.deserialize(&mut json)?;
        json.end()?;
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn parse(
        payload: &'de [u8],
        keep: &dyn Fn(&str) -> Keep,
    ) -> Result<Self, JsonError> {
        let mut claims = Self::default();
        claims.read(payload, keep)?;
        Ok(claims)
    }

    /// The claim named `name`, whatever its type.
    #[inline]
    pub(crate) fn get(&self, name: &(impl Named + ?Sized)) -> Option<&Claim<'de>> {
        let brief = name.brief();
        if !self.names.may_have(brief) {
            return None;
        }
        self.members
            .iter()
            .find(|member| member.is_named(name.text(), brief))
            .map(|member| &member.claim)
    }

    /// The value that `path` leads to, by the names of members alone.
    #[inline]
    pub(crate) fn at(&self, path: &ClaimPath) -> Option<&Claim<'de>> {
        let claim = self.get(path.claim())?;
        path.steps()
            .iter()
            .try_fold(claim, |claim, step| match step {
                Step::Member(name) => claim.member(name),
                _ => None,
            })
    }

    /// A text that is not empty, where `path` leads to anything at all.
    pub(crate) fn text_at(&self, path: &ClaimPath) -> Result<Option<&str>, WrongType> {
        as_text(self.at(path))
    }

    /// Whether there is a claim named `name`, be it `null`.
    pub(crate) fn has(&self, name: &(impl Named + ?Sized)) -> bool {
        self.get(name).is_some()
    }

    /// A claim that is text if it is there at all; the empty text counts as no text.
    pub(crate) fn text(&self, name: &(impl Named + ?Sized)) -> Result<Option<&str>, WrongType> {
        as_text(self.get(name))
    }

    /// A claim that is a NumericDate (RFC 7519 §2) if it is there at all: an integer or a fraction, not negative, and
    /// not past the year 9999.
    pub(crate) fn time(&self, name: &str) -> Result<Option<UnixTime>, WrongType> {
        let time = match self.get(name) {
            None => return Ok(None),
            Some(Claim::Integer(seconds)) => Duration::from_secs(*seconds),
            Some(Claim::Fraction(seconds)) => {
                Duration::try_from_secs_f64(*seconds).map_err(|_| WrongType)?
            }
            Some(_) => return Err(WrongType),
        };
        if time.as_secs() > YEAR_9999 {
            Err(WrongType)
        } else {
            Ok(Some(UnixTime::from_duration(time)))
        }
    }
}

/// The last second of the year 9999, past which dates cannot be written.
const YEAR_9999: u64 = 253_402_300_799;

/// A claim is there, but not of the type its name asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrongType;

fn as_text<'c>(claim: Option<&'c Claim<'_>>) -> Result<Option<&'c str>, WrongType> {
    match claim {
        None => Ok(None),
        Some(Claim::Text(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(WrongType),
    }
}

/// What is kept of an array or an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Its type.
    Nothing,
    /// The texts of an array.
    List,
    /// Everything in it.
    Tree,
}

/// One claim's value, as far as anyone asks.
#[derive(Debug, PartialEq)]
pub(crate) enum Claim<'de> {
    Text(Cow<'de, str>),
    Integer(u64),
    Fraction(f64),
    /// An array that was asked for: the texts in it, and whether there was nothing but texts.
    List {
        texts: Vec<Cow<'de, str>>,
        only_texts: bool,
    },
    /// An array that was asked for with everything in it.
    Array(Vec<Claim<'de>>),
    /// An object that was asked for with everything in it.
    Object(Vec<(Cow<'de, str>, Claim<'de>)>),
    /// `null`, a boolean, a negative integer, an object, or an array nobody asked for.
    Other,
}

impl<'de> Claim<'de> {
    /// The member of an object that was asked for.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members
                .iter()
                .find(|(member, _)| member == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }
}

struct ClaimsSeed<'a, 'de> {
    claims: &'a mut Claims<'de>,
    keep: &'a dyn Fn(&str) -> Keep,
}

impl<'de> DeserializeSeed<'de> for ClaimsSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ClaimsSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Claims { members, names } = self.claims;
        while let Some(Text(name)) = map.next_key()? {
            refuse_reserved(&name)?;
            let brief = Brief::of(&name);
            // Compared one by one: an issuer has signed these, and a token is at most 8 KiB.
            if names.may_have(brief) && members.iter().any(|member| member.is_named(&name, brief)) {
                return Err(A::Error::custom(DUPLICATE));
            }
            names.add(brief);
            let claim = map.next_value_seed(ClaimSeed {
                keep: &|| (self.keep)(&name),
                depth: 0,
            })?;
            members.push(Member { brief, name, claim });
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct ClaimSeed<'a> {
    /// Asked only if the value is an array or an object.
    keep: &'a dyn Fn() -> Keep,
    /// How deep the value is in one that is kept whole.
    depth: usize,
}

impl<'de> ClaimSeed<'_> {
    /// For what is in an array or object that is kept whole.
    fn inner<E: Error>(self) -> Result<ClaimSeed<'static>, E> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(E::custom(TOO_DEEP));
        }
        Ok(ClaimSeed {
            keep: &|| Keep::Tree,
            depth,
        })
    }

    fn array<A: SeqAccess<'de>>(self, mut items: A) -> Result<Claim<'de>, A::Error> {
        let inner = self.inner()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Claim::Array(array))
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<Claim<'de>, A::Error> {
        let inner = self.inner()?;
        let mut names = Members::new();
        let mut members = Vec::new();
        while let Some(next) = names.next_or_number(&mut map)? {
            let name = match next {
                Next::Member(name) => name.clone(),
                Next::Number(digits) => return Ok(fraction(&digits)),
            };
            members.push((name, map.next_value_seed(inner)?));
        }
        Ok(Claim::Object(members))
    }
}

impl<'de> DeserializeSeed<'de> for ClaimSeed<'_> {
    type Value = Claim<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Deserialize<'de> for Claim<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ClaimSeed {
            keep: &|| Keep::Nothing,
            depth: 0,
        }
        .deserialize(deserializer)
    }
}

impl<'de> Visitor<'de> for ClaimSeed<'_> {
    type Value = Claim<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Claim::Other)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Claim::Other)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Claim::Integer(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(u64::try_from(number).map_or(Claim::Other, Claim::Integer))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Claim::Fraction(number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Claim::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Claim::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Claim::Text(Cow::Owned(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        match (self.keep)() {
            Keep::Nothing => {
                while items.next_element::<IgnoredUnique>()?.is_some() {}
                return Ok(Claim::Other);
            }
            Keep::Tree => return self.array(items),
            Keep::List => {}
        }
        let (mut texts, mut only_texts) = (Vec::new(), true);
        while let Some(item) = items.next_element::<Claim<'de>>()? {
            match item {
                Claim::Text(text) => texts.push(text),
                _ => only_texts = false,
            }
        }
        Ok(Claim::List { texts, only_texts })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        if (self.keep)() == Keep::Tree {
            return self.object(map);
        }
        let mut names = Members::new();
        while let Some(next) = names.next_or_number(&mut map)? {
            match next {
                Next::Member(_) => map.next_value::<IgnoredUnique>()?,
                Next::Number(digits) => return Ok(fraction(&digits)),
            };
        }
        Ok(Claim::Other)
    }
}

fn fraction(digits: &str) -> Claim<'static> {
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() => Claim::Fraction(number),
        _ => Claim::Other,
    }
}

/// The `iss` of a payload whose signature has not been checked, to choose whose keys to check it with.
///
/// One pass that keeps nothing else. It is not yet strict about what it skips: the parse after the signature is.
pub(crate) fn peek_issuer(payload: &[u8]) -> Option<Cow<'_, str>> {
    struct Peek;

    impl<'de> Visitor<'de> for Peek {
        type Value = Option<Cow<'de, str>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of claims")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut issuer = None;
            while let Some(Text(name)) = map.next_key()? {
                if name == "iss" && issuer.is_none() {
                    issuer = Some(map.next_value::<Text<'de>>()?.0);
                } else {
                    map.next_value::<serde::de::IgnoredAny>()?;
                }
            }
            Ok(issuer)
        }
    }

    let text = std::str::from_utf8(payload).ok()?;
    serde_json::Deserializer::from_str(text)
        .deserialize_map(Peek)
        .ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Claims<'_>, JsonError> {
        Claims::parse(json.as_bytes(), &|name| match name {
            "aud" => Keep::List,
            "realm_access" => Keep::Tree,
            _ => Keep::Nothing,
        })
    }

    fn time(json: &str) -> Result<Option<UnixTime>, WrongType> {
        let json = format!(r#"{{"exp":{json}}}"#);
        parse(&json).map_err(|_| WrongType)?.time("exp")
    }

    #[test]
    fn a_name_is_told_from_every_other() {
        let name = |length: usize| "abcdefghijklmnopqrstuvwxyz".repeat(12)[..length].to_owned();
        for length in 0..300 {
            let claims = format!(r#"{{"{}":1}}"#, name(length));
            let claims = parse(&claims).expect("parses");
            for other in 0..300 {
                assert_eq!(
                    claims.has(&*name(other)),
                    other == length,
                    "{length} {other}"
                );
            }
            for at in 0..length {
                let mut other = name(length);
                other.replace_range(at..=at, "_");
                assert!(!claims.has(&*other), "{at} of {length}");
            }
        }
        // A length that does not fit a byte, and the same letters in another order.
        let long = name(7 + 256);
        assert!(!parse(r#"{"abcdefg":1}"#).expect("parses").has(&*long));
        assert!(!parse(r#"{"abab":1}"#).expect("parses").has("baba"));
    }

    #[test]
    fn j5_a_date_is_an_integer_or_a_fraction() {
        assert_eq!(
            time("1300819380"),
            Ok(Some(UnixTime::from_secs(1_300_819_380)))
        );
        assert_eq!(
            time("1.5"),
            Ok(Some(UnixTime::from_duration(Duration::from_millis(1_500))))
        );
        assert_eq!(time("1e9"), Ok(Some(UnixTime::from_secs(1_000_000_000))));
        assert_eq!(time("0"), Ok(Some(UnixTime::from_secs(0))));
    }

    #[test]
    fn j5_an_object_is_never_a_number() {
        for value in [r#""1.5""#, r#""1300819380""#, r#""NaN""#, "1.5", "null"] {
            let object = format!(r#"{{"$serde_json::private::Number":{value}}}"#);
            for claims in [
                format!(r#"{{"exp":{object}}}"#),
                format!(r#"{{"custom":{{"deep":[{object}]}}}}"#),
                format!(r#"{{"aud":[{object}]}}"#),
                format!(r#"{{"realm_access":{object}}}"#),
                format!(r#"{{"realm_access":{{"roles":[{object}]}}}}"#),
                object.clone(),
            ] {
                assert!(parse(&claims).is_err(), "{claims}");
            }
        }
        assert!(matches!(
            parse(r#"{"exp":{"$serde_json::private::Number":"1.5"}}"#),
            Err(JsonError::ReservedMember { .. })
        ));
    }

    #[test]
    fn j5_a_date_is_never_a_string_negative_or_overflowing() {
        for json in [
            r#""1300819380""#,
            "-1",
            "-0.5",
            "253402300800",
            "18446744073709551615",
            "18446744073709551616",
            "1e300",
            "1e999",
            "null",
            "true",
            "[1]",
            "{}",
        ] {
            assert_eq!(time(json), Err(WrongType), "{json}");
        }
    }

    #[test]
    fn j2_a_claim_named_twice_is_refused_at_any_depth() {
        for json in [
            r#"{"iss":"a","iss":"a"}"#,
            r#"{"x":1,"\u0078":1}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            r#"{"aud":[{"a":1,"a":2}]}"#,
            r#"{"realm_access":{"a":1,"a":2}}"#,
            r#"{"realm_access":[{"a":{"b":1,"c":2,"\u0062":3}}]}"#,
        ] {
            assert!(
                matches!(parse(json), Err(JsonError::DuplicateMember { .. })),
                "{json}"
            );
        }
    }

    #[test]
    fn claims_are_one_object_and_nothing_after_it() {
        for json in ["[]", "\"a\"", "1", "null", "{} {}", "{}x", ""] {
            assert!(parse(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_list_is_kept_only_where_asked_for() {
        let json = r#"{"aud":["a",1,"b\u0063"],"groups":["g"],"n":null}"#;
        let claims = parse(json).expect("parses");
        let expected = Claim::List {
            texts: vec!["a".into(), "bc".into()],
            only_texts: false,
        };
        assert_eq!(claims.get("aud"), Some(&expected));
        assert_eq!(claims.get("groups"), Some(&Claim::Other));
        assert!(claims.has("n") && !claims.has("m"));
        assert_eq!(claims.text("n"), Err(WrongType));
    }

    #[test]
    fn a_path_is_followed_by_whole_names_only() {
        let json = r#"{"realm_access":{"roles":["a",{"b":[]}],"x":{"y":"z"}},"realm_access.x":1,"other":{"x":1}}"#;
        let claims = parse(json).expect("parses");
        let path = |names: &[&'static str]| {
            names[1..]
                .iter()
                .fold(ClaimPath::from(names[0]), |path, name| path.member(*name))
        };
        assert_eq!(
            claims.text_at(&path(&["realm_access", "x", "y"])),
            Ok(Some("z"))
        );
        assert!(
            matches!(claims.at(&path(&["realm_access", "roles"])), Some(Claim::Array(items)) if items.len() == 2)
        );
        assert_eq!(
            claims.at(&path(&["realm_access.x"])),
            Some(&Claim::Integer(1))
        );
        for nowhere in [
            &["realm_access.x", "y"][..],
            &["realm_access", "x.y"],
            &["realm_access", "X"],
            &["realm_access", "roles", "a"],
            &["other", "x"],
            &["none", "x"],
        ] {
            assert_eq!(claims.at(&path(nowhere)), None, "{nowhere:?}");
        }
    }

    #[test]
    fn p7_the_depth_of_a_kept_claim_is_bounded() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let nested = |depth: usize| {
                format!(
                    r#"{{"realm_access":{}1{}}}"#,
                    open.repeat(depth),
                    close.repeat(depth)
                )
            };
            assert!(parse(&nested(MAX_DEPTH)).is_ok());
            for depth in [MAX_DEPTH + 1, 100] {
                assert!(
                    matches!(parse(&nested(depth)), Err(JsonError::TooDeep { .. })),
                    "{depth}"
                );
            }
        }
    }

    #[test]
    fn a_name_is_found_whole_whatever_its_length() {
        let names: Vec<String> = (0..40)
            .flat_map(|length| {
                // Alike but for one letter, wherever that is.
                let mut alike = vec!["a".repeat(length), format!("\0{}", "a".repeat(length))];
                alike.extend(
                    (0..length)
                        .map(|at| format!("{}b{}", "a".repeat(at), "a".repeat(length - at - 1))),
                );
                alike
            })
            .collect();
        for present in &names {
            let json = serde_json::json!({ present: 1 }).to_string();
            let claims = parse(&json).expect("parses");
            for name in &names {
                assert_eq!(claims.has(&**name), name == present, "{name:?} in {json}");
            }
        }
    }

    #[test]
    fn an_empty_text_is_no_text() {
        assert_eq!(
            parse(r#"{"sub":""}"#).expect("parses").text("sub"),
            Err(WrongType)
        );
    }

    #[test]
    fn the_issuer_is_found_wherever_it_stands() {
        assert_eq!(
            peek_issuer(br#"{"a":{"iss":"inner"},"iss":"outer"}"#).as_deref(),
            Some("outer")
        );
        assert_eq!(peek_issuer(br#"{"a":{"iss":"inner"}}"#), None);
        assert_eq!(peek_issuer(br#"{"iss":["outer"]}"#), None);
        assert_eq!(peek_issuer(b"nonsense"), None);
    }
}
