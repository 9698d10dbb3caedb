//! `WWW-Authenticate` (RFC 9110 §11.6.1, RFC 6750 §3).

use std::{fmt, sync::Arc};

use http::{HeaderName, HeaderValue};

use crate::{clock::SharedClock, error::ConfigError, refusal_log::RefusalLog};

/// A scheme's challenge: its name and realm, to which a refusal adds the reason. Clones share the limit of
/// [logged refusals](Self::refusal_log_clock).
#[derive(Clone)]
#[must_use]
pub struct Challenge {
    name: &'static str,
    /// `Bearer realm="…"`.
    plain: HeaderValue,
    log: Arc<RefusalLog>,
}

impl Challenge {
    /// A challenge for the scheme `name`, such as `Bearer`, within `realm`.
    ///
    /// # Errors
    ///
    /// When `name` is not a token (RFC 9110 §5.6.2), or `realm` has characters other than printable ASCII.
    pub fn new(name: &'static str, realm: &str) -> Result<Self, ConfigError> {
        if !is_token(name.as_bytes()) {
            let problem = format!(
                "{name:?} cannot name a scheme (RFC 9110 §5.6.2): use only letters, digits and hyphens"
            );
            return Err(ConfigError::new("name", problem));
        }
        let is_printable = realm.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let plain = HeaderValue::try_from(format!("{name} realm={}", quoted(realm))).ok();
        let Some(plain) = plain.filter(|_| is_printable) else {
            let problem =
                format!("{realm:?} has characters other than printable ASCII: replace them");
            return Err(ConfigError::new("realm", problem));
        };
        let log = Arc::default();
        Ok(Self { name, plain, log })
    }

    /// Names the header that holds the credential, for a scheme that does not read `Authorization`:
    /// `ApiKey realm="…", header="x-api-key"`.
    pub fn header(mut self, header: &HeaderName) -> Self {
        let plain = format!("{}, header={}", self.as_str(), quoted(header.as_str()));
        // A header's name is always valid in a header's value.
        if let Ok(plain) = plain.try_into() {
            self.plain = plain;
        }
        self
    }

    /// Sets the clock for the limit of logged refusals: 50 a second of each [`FailureKind`](crate::FailureKind), then one
    /// line that counts the rest. Default: the system clock.
    pub fn refusal_log_clock(mut self, clock: SharedClock) -> Self {
        self.log = Arc::new(RefusalLog::new(clock));
        self
    }

    pub(crate) fn log(&self) -> &Arc<RefusalLog> {
        &self.log
    }

    /// The scheme's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The challenge without an error code, for a request without credentials (RFC 6750 §3.1).
    pub fn plain(&self) -> HeaderValue {
        self.plain.clone()
    }

    /// The challenge with the reason of the refusal.
    pub fn with_error(&self, code: &str, description: &str, scope: Option<&str>) -> HeaderValue {
        let mut value = String::with_capacity(self.plain.len() + 160);
        value.push_str(self.as_str());
        push_attribute(&mut value, "error", code);
        push_attribute(&mut value, "error_description", description);
        if let Some(scope) = scope {
            push_attribute(&mut value, "scope", scope);
        }
        // `push_attribute` leaves only characters that are valid in a header value.
        HeaderValue::try_from(value).unwrap_or_else(|_| self.plain.clone())
    }

    fn as_str(&self) -> &str {
        self.plain.to_str().unwrap_or(self.name)
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Challenge").field(&self.plain).finish()
    }
}

/// Whether these octets are a token (RFC 9110 §5.6.2), such as the name of an authentication scheme.
pub(crate) fn is_token(octets: &[u8]) -> bool {
    !octets.is_empty()
        && octets
            .iter()
            .all(|octet| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet))
}

/// Adds an attribute. RFC 6750 §3 allows printable ASCII except `"` and `\`: `"` becomes `'`, and any other character
/// becomes `?`.
fn push_attribute(challenge: &mut String, name: &str, text: &str) {
    challenge.extend([", ", name, "=\""]);
    challenge.extend(text.chars().map(|character| match character {
        '"' => '\'',
        ' '..='~' if character != '\\' => character,
        _ => '?',
    }));
    challenge.push('"');
}

/// A quoted-string (RFC 9110 §5.6.4).
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h3_realm_is_a_quoted_string() {
        let challenge = Challenge::new("Bearer", r#"a"b\c"#).expect("printable");
        assert_eq!(challenge.plain(), r#"Bearer realm="a\"b\\c""#);
    }

    #[test]
    fn h3_realm_cannot_break_out_of_its_header() {
        for realm in ["a\r\nSet-Cookie: x", "a\tb", "ü", "\0"] {
            assert_eq!(
                Challenge::new("Bearer", realm).expect_err(realm).setting(),
                "realm"
            );
        }
        assert!(Challenge::new("Bea rer", "a").is_err());
    }

    #[test]
    fn header_parameter_precedes_the_error() {
        let challenge = Challenge::new("ApiKey", "r")
            .expect("printable")
            .header(&HeaderName::from_static("x-api-key"));
        assert_eq!(challenge.plain(), r#"ApiKey realm="r", header="x-api-key""#);
        assert_eq!(
            challenge.with_error("invalid_token", "no", None),
            r#"ApiKey realm="r", header="x-api-key", error="invalid_token", error_description="no""#
        );
    }

    #[test]
    fn b6_error_description_keeps_to_its_charset() {
        let challenge = Challenge::new("Bearer", "r").expect("printable");
        assert_eq!(
            challenge.with_error("invalid_token", "it's \"späť\"\\\r\n", Some("a b")),
            r#"Bearer realm="r", error="invalid_token", error_description="it's 'sp??'???", scope="a b""#
        );
    }
}
