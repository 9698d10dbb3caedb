//! Answers of OAuth endpoints.

use std::time::Duration;

use portcullis_core::{
    Secret,
    clock::UnixTime,
    log::{escape, escape_with},
};
use portcullis_jose::json::without_byte_order_mark;
use reqwest::StatusCode;
use url::Url;

use super::{
    oauth_error::{ErrorBody, KNOWN_CODES, OAuthError},
    redaction::{MAX_SHOWN, Redactor},
};
use crate::{
    http::{Answer, answered, display_url},
    json_object::{DocumentError, read_json_object},
};

/// The answer of an OAuth endpoint.
#[derive(Debug)]
pub struct OAuthAnswer {
    /// The URL that answered, without its query, for messages.
    pub url: Box<str>,
    /// The delay that the server asks for before the next request (RFC 9110 §10.2.3), at most a day.
    pub retry_after: Option<Duration>,
    /// When the credential that was sent expires, if known.
    pub credential_expires_at: Option<UnixTime>,
    redactor: Redactor,
    status: StatusCode,
    /// A secret, since it may contain a token.
    body: Secret,
}

/// Longer delays are shortened to this, so that sums of times cannot overflow.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

impl OAuthAnswer {
    pub(super) fn new(
        url: &Url,
        answer: Answer,
        credential_expires_at: Option<UnixTime>,
        secrets: Vec<Secret>,
    ) -> Self {
        let retry_after = answer.retry_after();
        Self {
            url: display_url(url).into(),
            redactor: Redactor::new(secrets),
            status: answer.status,
            retry_after: retry_after.map(|delay| delay.min(MAX_RETRY_AFTER)),
            body: Secret::new(answer.body),
            credential_expires_at,
        }
    }

    /// URL and status, for messages.
    pub fn url_and_status(&self) -> String {
        answered(&self.url, self.status)
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The body, at most 256 KiB.
    pub fn body(&self) -> &[u8] {
        self.body.expose()
    }

    /// The error in the body, whatever the content type and the status: some servers send an error with status 200. A blank
    /// or null `error` is ignored. Okta's `errorCode` counts only if the status is not a success.
    pub fn error(&self) -> Option<OAuthError> {
        let (mut code, description) = self.raw_error()?;
        if !KNOWN_CODES.contains(&&*code) {
            code = escape(&self.redactor.redact(&code));
        }
        Some(OAuthError {
            code: code.into(),
            description: description.map(|text| self.for_message(&text).into()),
        })
    }

    /// Code and description as the server sent them.
    fn raw_error(&self) -> Option<(String, Option<String>)> {
        let body: ErrorBody = read_json_object(self.body()).ok()?;
        body.error(self.status.is_success())
    }

    /// Text of this server, for messages. Secrets that were sent to it are redacted, also in escaped form. Control and other
    /// invisible characters are escaped, and the text is truncated after 500 characters.
    #[must_use]
    pub fn for_message(&self, text: &str) -> String {
        let text = self.redactor.redact(text);
        escape_with(char::escape_debug, &text, MAX_SHOWN)
    }

    /// Whether the server rejects the client's credential, so that another one may succeed (RFC 6749 §5.2): the code is
    /// `invalid_client`, or the status is 401 and the code is not about DPoP.
    pub fn rejects_client(&self) -> bool {
        match self.raw_error().as_ref().map(|(code, _)| &**code) {
            Some("invalid_client") => true,
            Some("use_dpop_nonce" | "invalid_dpop_proof") => false,
            _ => self.status == StatusCode::UNAUTHORIZED,
        }
    }

    /// Whether the status is one by which a revocation endpoint confirms a revocation (RFC 7009 §2.2): 200, 202 or 204.
    pub fn has_revocation_status(&self) -> bool {
        matches!(self.status.as_u16(), 200 | 202 | 204)
    }

    /// Whether a revocation endpoint confirms the revocation (RFC 7009 §2.2): by its status and a body without an error. An
    /// error is a form or JSON object with an `error` or `errorCode`, and any other JSON, even if it is truncated.
    #[must_use]
    pub fn confirms_revocation(&self) -> bool {
        self.has_revocation_status() && !self.may_hold_error()
    }

    fn may_hold_error(&self) -> bool {
        match read_json_object::<ErrorBody>(self.body()) {
            Ok(body) => body.has_error(),
            // It may be truncated JSON.
            Err(DocumentError::NotJson) => {
                let body = without_byte_order_mark(self.body().trim_ascii_start()).trim_ascii();
                let mut form = form_urlencoded::parse(body);
                matches!(body, [b'{' | b'[', ..])
                    || form.any(|(name, value)| {
                        matches!(&*name, "error" | "errorCode") && !value.is_empty()
                    })
            }
            Err(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> OAuthAnswer {
        let secrets = vec![Secret::new("s3cr3t-value")];
        OAuthAnswer {
            url: "https://id.example/token".into(),
            redactor: Redactor::new(secrets),
            status: StatusCode::from_u16(status).expect("a status"),
            body: Secret::new(body),
            retry_after: None,
            credential_expires_at: None,
        }
    }

    fn error(status: u16, body: &str) -> Option<String> {
        answer(status, body).error().map(|error| error.to_string())
    }

    #[test]
    fn errors_of_real_servers_are_read() {
        for (status, body, expected) in [
            (
                401,
                r#"{"error":"unauthorized_client","error_description":"Invalid client or Invalid client credentials"}"#,
                Some("unauthorized_client (Invalid client or Invalid client credentials)"),
            ),
            (
                401,
                r#"{"errorCode":"invalid_client","errorSummary":"Invalid value for 'client_id' parameter.","errorLink":"invalid_client","errorId":"oae1","errorCauses":[]}"#,
                Some("invalid_client (Invalid value for 'client_id' parameter.)"),
            ),
            (400, "\u{feff}{\"error\":\"x\"}", Some("x")),
            (200, r#"{"error":"invalid_scope"}"#, Some("invalid_scope")),
            (200, r#"{"errorCode":"E1","access_token":"t"}"#, None),
            (200, r#"{"error":"","access_token":"t"}"#, None),
            (200, r#"{"error":null,"access_token":"t"}"#, None),
            (400, r#"{"error":""}"#, None),
            (400, r#"{"error":" ","error_description":"x"}"#, None),
            (400, r#"{"error":"x","error_description":"\t"}"#, Some("x")),
            (400, r#"["tok-1","Bearer"]"#, None),
            (400, r#"["tok-1","Bearer","x","y"]"#, None),
            (400, "<html>", None),
        ] {
            assert_eq!(error(status, body).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn description_is_truncated_after_500_characters() {
        let text =
            "Clé d’accès refusée. Trace ID: 00000000-0000-0000-0000-000000000000\\r\\n".repeat(4);
        let body = format!(r#"{{"error":"x","error_description":"{text}\u202e\u0007"}}"#);
        let shown = error(400, &body).expect("an error");
        assert!(shown.contains("Clé d’accès"), "{shown}");
        assert_eq!(shown.matches("Trace ID: 0000").count(), 4, "{shown}");
        assert!(shown.ends_with(r"\u{202e}\u{7})"), "{shown}");
        let body = format!(
            r#"{{"error":"x","error_description":"{}"}}"#,
            "y".repeat(501)
        );
        let shown = error(400, &body).expect("an error");
        assert!(shown.ends_with("y…)"), "{shown}");
    }

    #[test]
    fn sent_secrets_are_redacted_in_code_and_description() {
        let body = r#"{"error":"S3CR3T-value","error_description":"%733cr3t-valu&#101;"}"#;
        let shown = error(400, body).expect("an error");
        assert_eq!(shown, "[redacted] ([redacted])");
    }

    #[test]
    fn known_code_is_shown_even_if_it_contains_the_secret() {
        let mut answer = answer(
            401,
            r#"{"error":"invalid_client","error_description":"client?"}"#,
        );
        answer.redactor = Redactor::new([Secret::new("client")]);
        let error = answer.error().expect("an error").to_string();
        assert_eq!(error, "invalid_client ([redacted])");
    }

    #[test]
    fn client_is_rejected_by_401_or_invalid_client() {
        for (status, body, expected) in [
            (401, r#"{"error":"unauthorized_client"}"#, true),
            (401, r#"{"error":"access_denied"}"#, true),
            (401, r#"{"error":"unauthorized"}"#, true),
            (401, r#"{"errorCode":"invalid_client"}"#, true),
            (401, "", true),
            (400, r#"{"error":"invalid_client"}"#, true),
            (403, r#"{"error":"invalid_client"}"#, true),
            (401, r#"{"error":"use_dpop_nonce"}"#, false),
            (401, r#"{"error":"invalid_dpop_proof"}"#, false),
            (400, r#"{"error":"unauthorized_client"}"#, false),
            (403, r#"{"error":"access_denied"}"#, false),
            (403, "", false),
            (403, "<html>", false),
            (429, "", false),
            (200, r#"{"error":"invalid_client"}"#, true),
            (200, r#"{"errorCode":"invalid_client"}"#, false),
            (200, r#"{"access_token":"t"}"#, false),
        ] {
            let rejects = answer(status, body).rejects_client();
            assert_eq!(rejects, expected, "{status} {body}");
        }
    }

    #[test]
    fn error_does_not_confirm_a_revocation() {
        for (status, body, expected) in [
            (200, "", true),
            (200, "{}", true),
            (200, "OK", true),
            (200, r#"{"error":null}"#, true),
            (202, "", true),
            (204, "", true),
            (200, "<html>done</html>", true),
            (200, r#"{"error":""}"#, true),
            (200, r#"{"errorCode":null}"#, true),
            (200, r#"{"error":"unsupported_token_type"}"#, false),
            (200, "\u{feff}{\"error\":\"x\"}", false),
            (200, r#"{"error":{"code":"x"}}"#, false),
            (200, r#"{"error":true}"#, false),
            (200, r#"{"error":503,"error_description":"later"}"#, false),
            (200, r#"{"error":["x"]}"#, false),
            (200, r#"{"error":null,"error":"x"}"#, false),
            (200, r#"[{"error":"x"}]"#, false),
            (200, r#"{"errorCode":"E0000011"}"#, false),
            (200, r#"{"error":"x""#, false),
            (200, r#" {"error":"x"} trailing"#, false),
            (200, "error=x", false),
            (200, "a=b&error=x&c", false),
            (200, "\u{feff} errorCode=E1", false),
            (200, "error=&a=error", true),
            (202, r#"{"error":true}"#, false),
            (204, r#"{"error":true}"#, false),
            (201, "", false),
            (302, "", false),
            (400, "", false),
            (503, "", false),
        ] {
            let confirms = answer(status, body).confirms_revocation();
            assert_eq!(confirms, expected, "{status} {body}");
        }
        // Deeper than the parser reads.
        let nested = format!(r#"{{"error":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
        assert!(!answer(200, &nested).confirms_revocation());
    }
}
