//! `WWW-Authenticate`: how to authenticate here (RFC 9110 §11.6.1, RFC 6750 §3).

use std::{fmt, sync::Arc};

use http::{HeaderName, HeaderValue};

use crate::{ConfigError, SharedClock, refusal_log::RefusalLog};

/// One scheme's challenge: its name and realm, to which a refusal adds the reason.
///
/// Clones share the count of refusals that are logged: see [`with_clock`](Self::with_clock).
#[derive(Clone)]
pub struct Challenge {
    /// `Bearer realm="…"`, the realm escaped.
    prefix: Box<str>,
    name: &'static str,
    plain: HeaderValue,
    log: Arc<RefusalLog>,
}

impl Challenge {
    /// A challenge for the scheme `name`, such as `Bearer`, within `realm`.
    ///
    /// # Errors
    ///
    /// When `name` is no token (RFC 9110 §5.6.2) or `realm` holds anything but printable ASCII.
    pub fn new(name: &'static str, realm: &str) -> Result<Self, ConfigError> {
        if !is_token(name.as_bytes()) {
            return Err(ConfigError::new(
                "name",
                format!("{name:?} is not a token (RFC 9110 §5.6.2)"),
            ));
        }
        let unprintable = || {
            ConfigError::new(
                "realm",
                format!("{realm:?} holds something other than printable ASCII"),
            )
        };
        if !realm.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(unprintable());
        }
        let prefix = format!("{name} realm={}", quoted(realm));
        let plain = HeaderValue::from_str(&prefix).map_err(|_| unprintable())?;
        Ok(Self {
            prefix: prefix.into(),
            name,
            plain,
            log: Arc::default(),
        })
    }

    /// Names the header that holds the credential, for a scheme that does not read `Authorization`:
    /// `ApiKey realm="…", header="x-api-key"`.
    #[must_use]
    pub fn with_header(mut self, header: &HeaderName) -> Self {
        let prefix = format!("{}, header={}", self.prefix, quoted(header.as_str()));
        // A header's name has only characters that a header's value may have.
        if let Ok(plain) = HeaderValue::from_str(&prefix) {
            self.plain = plain;
            self.prefix = prefix.into();
        }
        self
    }

    /// Sets the clock that limits how many refusals are logged: 50 a second of each
    /// [`FailureKind`](crate::FailureKind), and then one line that counts the rest. Default: the system's clock.
    #[must_use]
    pub fn with_clock(mut self, clock: SharedClock) -> Self {
        self.log = Arc::new(RefusalLog::new(clock));
        self
    }

    pub(crate) fn log(&self) -> &Arc<RefusalLog> {
        &self.log
    }

    /// The scheme's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The challenge that goes out when no credentials came in: no error code (RFC 6750 §3.1).
    #[must_use]
    pub fn plain(&self) -> HeaderValue {
        self.plain.clone()
    }

    /// The challenge with the reason of the refusal.
    #[must_use]
    pub fn with_error(&self, code: &str, description: &str, scope: Option<&str>) -> HeaderValue {
        let mut value = String::with_capacity(self.prefix.len() + 160);
        value.push_str(&self.prefix);
        push_attribute(&mut value, "error", code);
        push_attribute(&mut value, "error_description", description);
        if let Some(scope) = scope {
            push_attribute(&mut value, "scope", scope);
        }
        // An attribute is left with nothing that a header value cannot hold.
        HeaderValue::try_from(value).unwrap_or_else(|_| self.plain.clone())
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Challenge").field(&self.prefix).finish()
    }
}

/// Whether these octets are a token (RFC 9110 §5.6.2), as the name of an authentication scheme is.
pub(crate) fn is_token(octets: &[u8]) -> bool {
    !octets.is_empty()
        && octets
            .iter()
            .all(|octet| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet))
}

/// Adds an attribute in the characters that RFC 6750 §3 leaves to `error`, `error_description` and `scope`: printable
/// ASCII without `"` and `\`, not even escaped. `"` becomes `'`, others `?`.
fn push_attribute(challenge: &mut String, name: &str, text: &str) {
    challenge.push_str(", ");
    challenge.push_str(name);
    challenge.push_str("=\"");
    if text
        .bytes()
        .all(|byte| matches!(byte, b' '..=b'~' if byte != b'"' && byte != b'\\'))
    {
        challenge.push_str(text);
    } else {
        challenge.extend(text.chars().map(|character| match character {
            '"' => '\'',
            ' '..='~' if character != '\\' => character,
            _ => '?',
        }));
    }
    challenge.push('"');
}

/// A quoted-string (RFC 9110 §5.6.4) of printable ASCII; other characters become `?`.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            _ => quoted.push('?'),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h3_the_realm_is_a_quoted_string() {
        let challenge = Challenge::new("Bearer", r#"a"b\c"#).expect("printable");
        assert_eq!(challenge.plain(), r#"Bearer realm="a\"b\\c""#);
    }

    #[test]
    fn h3_a_realm_cannot_break_out_of_its_header() {
        for realm in ["a\r\nSet-Cookie: x", "a\tb", "ü", "\0"] {
            assert_eq!(
                Challenge::new("Bearer", realm).expect_err(realm).setting(),
                "realm"
            );
        }
        assert!(Challenge::new("Bea rer", "a").is_err());
    }

    #[test]
    fn the_header_is_named_before_the_reason() {
        let challenge = Challenge::new("ApiKey", "r")
            .expect("printable")
            .with_header(&HeaderName::from_static("x-api-key"));
        assert_eq!(challenge.plain(), r#"ApiKey realm="r", header="x-api-key""#);
        assert_eq!(
            challenge.with_error("invalid_token", "no", None),
            r#"ApiKey realm="r", header="x-api-key", error="invalid_token", error_description="no""#
        );
    }

    #[test]
    fn b6_the_reason_keeps_to_its_charset() {
        let challenge = Challenge::new("Bearer", "r").expect("printable");
        assert_eq!(
            challenge.with_error("invalid_token", "it's \"späť\"\\\r\n", Some("a b")),
            r#"Bearer realm="r", error="invalid_token", error_description="it's 'sp??'???", scope="a b""#
        );
    }
}
