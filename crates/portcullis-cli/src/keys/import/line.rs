//! Reads the record of a key from a line of JSON. Problems never repeat the value of a field.

use std::time::Duration;

use portcullis_api_key::{
    ApiKey, ApiKeyId, InvalidApiKey, KeyDigest, KeyPrefix, KeyRecord, Limit, Networks, Peppers,
};
use portcullis_core::{Scope, Secret, clock::UnixTime};
use serde_json::Value;

use super::fields::{Fields, text, texts, time, words};
use crate::values;

const TIME: &str = "a time such as \"2026-01-31T12:00:00Z\"";

/// The key of a line.
struct Identity {
    id: ApiKeyId,
    digest: KeyDigest,
    prefix: Option<KeyPrefix>,
    is_foreign: bool,
}

/// Reads a line. A key that it has is digested under the current pepper, if there are peppers.
pub(super) fn read(
    line: &[u8],
    now: UnixTime,
    peppers: Option<&Peppers>,
) -> Result<KeyRecord, String> {
    let mut fields = match serde_json::from_slice(line) {
        Ok(Value::Object(fields)) => Fields(fields),
        Ok(_) => return Err("write a JSON object".to_owned()),
        // Errors of syntax have no values.
        Err(error) => return Err(format!("not JSON: {error}")),
    };
    let identity = identity(&mut fields, peppers)?;
    let owner = fields.required("owner", "a text", text)?;
    let created_at = fields.optional("created_at", TIME, time)?.unwrap_or(now);
    let record = KeyRecord::new(identity.id, identity.digest, owner, created_at);
    let mut record = record.map_err(|error| error.to_string())?;
    record.prefix = identity.prefix.unwrap_or_default();
    record.is_foreign = identity.is_foreign;
    read_settings(&mut fields, &mut record)?;
    read_history(&mut fields, &mut record)?;
    fields.ignore(&["state", "pepper_version", "revision"]);
    fields.reject_unknown()?;
    record.check_texts().map_err(|error| error.to_string())?;
    Ok(record)
}

fn identity(fields: &mut Fields, peppers: Option<&Peppers>) -> Result<Identity, String> {
    const FORMS: &str =
        "give one of `sha256`, `hmac_sha256` with `pepper_version`, `key`, or `id` with `digest`";

    let given = ["sha256", "hmac_sha256", "key", "digest"].map(|name| fields.has(name));
    match given {
        [true, false, false, false] => {
            let hex = fields.required("sha256", HEX, hex)?;
            foreign(&format!("sha256:{hex}"))
        }
        [false, true, false, false] => {
            let hex = fields.required("hmac_sha256", HEX, hex)?;
            let version =
                fields.required("pepper_version", "a whole number below 2^32", |value| {
                    u32::try_from(value.as_u64()?).ok()
                })?;
            foreign(&format!("hmac-sha256:{version}:{hex}"))
        }
        [false, false, true, false] => {
            let key = fields.required("key", "a text", |value| text(value).map(Secret::new))?;
            of_key(key.expose_str().unwrap_or_default(), peppers)
        }
        [false, false, false, true] => own(fields),
        [false, false, false, false] => Err(format!("the line names no key: {FORMS}")),
        _ => Err(format!("the line names its key twice: {FORMS}")),
    }
}

const HEX: &str = "64 hexadecimal digits";

fn hex(value: Value) -> Option<String> {
    let text = text(value)?.to_ascii_lowercase();
    let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then_some(text)
}

fn foreign(digest: &str) -> Result<Identity, String> {
    let digest: KeyDigest = digest
        .parse()
        .map_err(|error: InvalidApiKey| error.to_string())?;
    Ok(Identity {
        id: ApiKeyId::of_foreign(&digest),
        digest,
        prefix: None,
        is_foreign: true,
    })
}

fn of_key(key: &str, peppers: Option<&Peppers>) -> Result<Identity, String> {
    // What services look up.
    const LENGTHS: std::ops::RangeInclusive<usize> = 8..=512;

    match ApiKey::parse(key) {
        Ok(key) => {
            let prefix = key.expose().split(&format!("_{}_", key.id())).next();
            Ok(Identity {
                id: key.id(),
                digest: KeyDigest::of(&key, peppers),
                prefix: prefix.and_then(|prefix| KeyPrefix::new(prefix).ok()),
                is_foreign: false,
            })
        }
        Err(InvalidApiKey::Form) => {
            let is_printable = key.bytes().all(|byte| matches!(byte, 0x21..=0x7e));
            if !LENGTHS.contains(&key.len()) || !is_printable {
                return Err(
                    "`key` must be 8 to 512 characters of visible ASCII, without spaces".to_owned(),
                );
            }
            let digest = KeyDigest::of_text(key, peppers);
            foreign(&digest.to_string())
        }
        Err(error) => Err(format!("`key`: {error}")),
    }
}

fn own(fields: &mut Fields) -> Result<Identity, String> {
    let parse = |name, fields: &mut Fields| fields.required(name, "a text", text);
    let id = parse("id", fields)?;
    let digest = parse("digest", fields)?;
    let prefix = fields.optional("prefix", "the prefix of a key", |value| {
        KeyPrefix::new(value.as_str()?).ok()
    })?;
    let is_foreign = fields.optional("is_foreign", "true or false", |value| value.as_bool())?;
    Ok(Identity {
        id: id.parse().map_err(|error| format!("`id`: {error}"))?,
        digest: digest
            .parse()
            .map_err(|error| format!("`digest`: {error}"))?,
        prefix,
        is_foreign: is_foreign.unwrap_or(false),
    })
}

fn read_settings(fields: &mut Fields, record: &mut KeyRecord) -> Result<(), String> {
    const SCOPES: &str = "a list of scopes, or a text of scopes separated by spaces";
    const NETWORKS: &str = "a list of networks such as \"192.0.2.0/24\"";
    const LIMIT: &str =
        "such as \"100/60s\" or {\"requests\": 100, \"period_seconds\": 60, \"burst\": 20}";

    let name = fields.optional("name", "a text", text)?;
    record.name = name.unwrap_or_default().into();
    let scopes = fields.optional("scopes", SCOPES, |value| {
        let scopes = words(value)?.into_iter();
        scopes.map(|scope| Scope::parse(&scope).ok()).collect()
    })?;
    record.scopes = scopes.unwrap_or_default();
    let tags = fields.optional("tags", "a list of texts", texts)?;
    record.tags = tags
        .unwrap_or_default()
        .into_iter()
        .map(Into::into)
        .collect();
    let networks = fields.optional("networks", NETWORKS, |value| {
        Networks::parse(words(value)?).ok()
    })?;
    record.networks = networks.unwrap_or_default();
    record.limit = fields.optional("limit", LIMIT, limit)?;
    Ok(())
}

fn limit(value: Value) -> Option<Limit> {
    if let Value::String(text) = &value {
        return values::limit(text).ok();
    }
    let mut fields = Fields(value.as_object()?.clone());
    let number = |value: Value| u32::try_from(value.as_u64()?).ok();
    let requests = fields.required("requests", "", number).ok()?;
    let period = fields.required("period_seconds", "", |value| {
        Duration::try_from_secs_f64(value.as_f64()?).ok()
    });
    let period = period.ok()?;
    let burst = fields.optional("burst", "", number).ok()?;
    fields.reject_unknown().ok()?;
    let limit = Limit::new(requests, period).ok()?;
    match burst {
        Some(burst) => limit.burst(burst).ok(),
        None => Some(limit),
    }
}

fn read_history(fields: &mut Fields, record: &mut KeyRecord) -> Result<(), String> {
    const EXPIRY: &str = "a time such as \"2026-01-31T12:00:00Z\", or \"never\"";

    let expires_at = fields.optional("expires_at", EXPIRY, |value| match value.as_str() {
        Some("never") => Some(None),
        _ => time(value).map(Some),
    })?;
    record.expires_at = expires_at.flatten();
    record.revoked_at = fields.optional("revoked_at", TIME, time)?;
    let reason = fields.optional("revoke_reason", "a text", text)?;
    record.revoke_reason = reason.map(Into::into);
    record.last_used_at = fields.optional("last_used_at", TIME, time)?;
    let count = fields.optional("use_count", "a whole number", |value| value.as_u64())?;
    record.use_count = count.unwrap_or(0);
    record.successor = fields.optional("successor", "the id of a key", |value| {
        value.as_str()?.parse().ok()
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
    const HEX_DIGITS: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    fn read(line: &str) -> Result<KeyRecord, String> {
        super::read(line.as_bytes(), NOW, None)
    }

    #[test]
    fn foreign_digest_gets_its_id() {
        let line = format!(
            r#"{{"sha256":"{}","owner":"a"}}"#,
            HEX_DIGITS.to_uppercase()
        );
        let record = read(&line).expect("a record");
        assert!(record.is_foreign);
        assert_eq!(record.id, ApiKeyId::of_foreign(&record.digest));
        assert_eq!(record.digest.to_string(), format!("sha256:{HEX_DIGITS}"));
        assert_eq!((record.created_at, record.expires_at), (NOW, None));
        let line = format!(r#"{{"hmac_sha256":"{HEX_DIGITS}","pepper_version":3,"owner":"a"}}"#);
        let record = read(&line).expect("a record");
        assert_eq!(record.digest.pepper_version(), Some(3));
    }

    #[test]
    fn key_is_digested() {
        let key =
            ApiKey::generate(&KeyPrefix::new("acme_live").expect("a prefix")).expect("random");
        let record = read(&format!(r#"{{"key":"{}","owner":"a"}}"#, key.expose())).expect("own");
        assert_eq!((record.id, record.is_foreign), (key.id(), false));
        assert_eq!(record.prefix.as_str(), "acme_live");
        let record = read(r#"{"key":"legacy-0123456789abcdef","owner":"a"}"#).expect("foreign");
        assert!(record.is_foreign);
        let expected = KeyDigest::of_text("legacy-0123456789abcdef", None);
        assert_eq!(record.digest, expected);
    }

    #[test]
    fn all_fields_are_read() {
        let record = read(&format!(
            r#"{{"id":"4fXq0ZbT9kLm","digest":"sha256:{HEX_DIGITS}","prefix":"acme","owner":"a","name":"n",
            "scopes":"r w","tags":["t"],"networks":["192.0.2.0/24"],"limit":"100/60s","created_at":"2026-01-31T12:00:00Z",
            "expires_at":"2027-01-31T12:00:00+01:00","revoked_at":"2026-06-01T00:00:00Z","revoke_reason":"left",
            "last_used_at":null,"use_count":7,"successor":null,"state":"revoked","revision":9}}"#
        ))
        .expect("a record");
        assert_eq!(record.scopes.to_string(), "r w");
        assert_eq!(record.limit.map(|limit| limit.requests().get()), Some(100));
        assert_eq!(record.expires_at, Some(UnixTime::from_secs(1_801_393_200)));
        assert_eq!(record.revoke_reason.as_deref(), Some("left"));
        assert_eq!(record.use_count, 7);
    }

    #[test]
    fn problem_names_the_field_and_not_its_value() {
        let hex = HEX_DIGITS;
        for (line, problem) in [
            ("nonsense".to_owned(), "not JSON"),
            ("[]".to_owned(), "JSON object"),
            (r#"{"owner":"a"}"#.to_owned(), "names no key"),
            (format!(r#"{{"sha256":"{hex}"}}"#), "`owner` is missing"),
            (
                format!(r#"{{"sha256":"{hex}0","owner":"a"}}"#),
                "64 hexadecimal",
            ),
            (
                format!(r#"{{"sha256":"{hex}","key":"hunter2-hunter2-hunter2","owner":"a"}}"#),
                "twice",
            ),
            (r#"{"key":"hunter2","owner":"a"}"#.to_owned(), "8 to 512"),
            (
                r#"{"key":"acme_4fXq0ZbT9kLm_hunter2","owner":"a"}"#.to_owned(),
                "wrong length",
            ),
            (
                format!(r#"{{"hmac_sha256":"{hex}","owner":"a"}}"#),
                "`pepper_version` is missing",
            ),
            (
                format!(r#"{{"digest":"sha256:{hex}","owner":"a"}}"#),
                "`id` is missing",
            ),
            (format!(r#"{{"sha256":"{hex}","owner":""}}"#), "owner"),
            (
                format!(r#"{{"sha256":"{hex}","owner":"a","expires":"hunter2"}}"#),
                "unknown field `expires`",
            ),
            (
                format!(r#"{{"sha256":"{hex}","owner":"a","expires_at":"hunter2"}}"#),
                "`expires_at` must be",
            ),
            (
                format!(r#"{{"sha256":"{hex}","owner":"a","limit":{{"requests":1}}}}"#),
                "`limit` must be",
            ),
        ] {
            let error = read(&line).expect_err(&line);
            assert!(error.contains(problem), "{line}: {error}");
            assert!(
                !error.contains("hunter2") && !error.contains(&hex[..9]),
                "{error}"
            );
        }
    }
}
