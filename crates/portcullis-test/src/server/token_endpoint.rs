//! The token endpoint, with client credentials (RFC 6749 §4.4) and token exchange (RFC 8693), and the revocation endpoint
//! (RFC 7009).

use std::collections::HashMap;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use form_urlencoded::parse;
use http::{
    HeaderMap, StatusCode,
    header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use serde_json::{Value, json};

use super::answer::Answer;
use crate::{RecordedRequest, client::Client, state::State};

pub(super) fn answer(state: &State, request: &RecordedRequest) -> Answer {
    issue(state, request)
        .unwrap_or_else(|rejection| rejection.into_answer(state))
        .with(CACHE_CONTROL, "no-store")
}

/// Revokes nothing, since tokens are verified offline. An unknown token is not an error (RFC 7009 §2.2).
pub(super) fn revoke(state: &State, request: &RecordedRequest) -> Answer {
    let revoked = Form::parse(request).and_then(|form| {
        authenticate(state, &request.headers, &form)?;
        form.get("token")
            .map(|_| Answer::new(StatusCode::OK, "text/plain", ""))
            .ok_or(Rejection::request("token is missing"))
    });
    revoked.unwrap_or_else(|rejection| rejection.into_answer(state))
}

fn issue(state: &State, request: &RecordedRequest) -> Result<Answer, Rejection> {
    let form = Form::parse(request)?;
    let client = authenticate(state, &request.headers, &form)?;
    let subject = match form.get("grant_type") {
        Some("client_credentials") => None,
        Some(TOKEN_EXCHANGE) => Some(subject(&form)?),
        Some(_) => {
            return Err(Rejection::new(
                "unsupported_grant_type",
                "use client_credentials or token exchange",
            ));
        }
        None => return Err(Rejection::request("grant_type is missing")),
    };
    let scope = client.grant(form.get("scope")).ok_or(Rejection::new(
        "invalid_scope",
        "a scope is ill-formed or not allowed for this client",
    ))?;
    let audience = audience(state, &form)?;

    let mut token = state
        .token()
        .client_id(&client.id)
        .subject(subject.as_deref().unwrap_or(&client.id))
        .claim("aud", audience);
    let mut answer = json!({
        "token_type": "Bearer",
        "expires_in": state.settings.token_lifetime.as_secs(),
    });
    if !scope.is_empty() {
        token = token.scope(&scope);
        answer["scope"] = scope.into();
    }
    if subject.is_some() {
        token = token.claim("act", json!({ "sub": client.id }));
        answer["issued_token_type"] = ACCESS_TOKEN.into();
    }
    answer["access_token"] = token.mint().into();
    Ok(Answer::json(&answer))
}

pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The subject of a token exchange (RFC 8693 §2.1). Its token is read without verification.
fn subject(form: &Form) -> Result<String, Rejection> {
    if form.get("subject_token_type") != Some(ACCESS_TOKEN) {
        return Err(Rejection::request(
            "subject_token_type must be that of an access token",
        ));
    }
    let payload = form
        .get("subject_token")
        .and_then(|token| token.split('.').nth(1));
    let claims = payload.and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
    claims
        .and_then(|claims| serde_json::from_slice::<Value>(&claims).ok())
        .and_then(|claims| Some(claims["sub"].as_str()?.to_owned()))
        .ok_or(Rejection::new(
            "invalid_grant",
            "subject_token is not a JWT",
        ))
}

/// Authenticates the client by HTTP Basic or by the body (RFC 6749 §2.3.1), not both (§2.3).
fn authenticate(state: &State, headers: &HeaderMap, form: &Form) -> Result<Client, Rejection> {
    let in_body = form.get("client_id").zip(form.get("client_secret"));
    let (id, secret) = match (headers.get(AUTHORIZATION), in_body) {
        (Some(_), Some(_)) => {
            return Err(Rejection::request("the client authenticates in two ways"));
        }
        (Some(credentials), None) => credentials
            .to_str()
            .ok()
            .and_then(basic)
            .ok_or(Rejection::client("the Basic credentials are ill-formed"))?,
        (None, Some((id, secret))) => (id.to_owned(), secret.to_owned()),
        (None, None) => return Err(Rejection::client("client authentication is missing")),
    };
    let variable = state.variable();
    let mut clients = variable.clients.iter();
    clients
        .find(|client| client.id == id && client.has_secret(&secret))
        .cloned()
        .ok_or(Rejection::client("wrong client or secret"))
}

/// The id and secret in Basic credentials, which are form-encoded (RFC 6749 §2.3.1, appendix B).
fn basic(credentials: &str) -> Option<(String, String)> {
    let (scheme, encoded) = credentials.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some((form_decode(id), form_decode(secret)))
}

fn form_decode(text: &str) -> String {
    // Decoded as the name of a pair, with a literal `=` and `&` as themselves.
    let encoded = text.replace('=', "%3D").replace('&', "%26");
    parse(encoded.as_bytes())
        .map(|(name, _)| name.into_owned())
        .collect()
}

/// The audience from `resource` (RFC 8707 §2) or `audience`: a string for one, an array for several.
fn audience(state: &State, form: &Form) -> Result<Value, Rejection> {
    let settings = &state.settings;
    let asked = match form.get("audience") {
        Some(audience) if form.resources.is_empty() => vec![audience.to_owned()],
        _ => form.resources.clone(),
    };
    let invalid = |description| Err(Rejection::new("invalid_target", description));
    let absolute = |resource: &String| resource.contains(':') && !resource.contains('#');
    if !form.resources.iter().all(absolute) {
        return invalid("a resource must be an absolute URI without a fragment");
    }
    let known = |asked: &String| settings.any_audience || settings.audiences.contains(asked);
    if !asked.iter().all(known) {
        return invalid("no tokens are issued for that audience");
    }
    Ok(match asked.as_slice() {
        [] => settings.audiences[0].as_str().into(),
        [only] => only.as_str().into(),
        several => several.into(),
    })
}

/// The parameters of the body. Only `resource` may be repeated (RFC 6749 §3.2); empty ones count as missing.
struct Form {
    single: HashMap<String, String>,
    resources: Vec<String>,
}

impl Form {
    fn parse(request: &RecordedRequest) -> Result<Self, Rejection> {
        let content_type = request.headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let essence = content_type.and_then(|value| value.split(';').next());
        let essence = essence.unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Rejection::request("the body must be a form"));
        }
        let mut form = Self {
            single: HashMap::new(),
            resources: Vec::new(),
        };
        for (name, value) in parse(&request.body).into_owned() {
            if value.is_empty() {
                continue;
            }
            if name == "resource" {
                form.resources.push(value);
            } else if form.single.insert(name, value).is_some() {
                return Err(Rejection::request("a parameter is repeated"));
            }
        }
        Ok(form)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.single.get(name).map(String::as_str)
    }
}

/// An error response (RFC 6749 §5.2).
struct Rejection {
    status: StatusCode,
    code: &'static str,
    description: &'static str,
}

impl Rejection {
    const fn new(code: &'static str, description: &'static str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            description,
        }
    }

    const fn request(description: &'static str) -> Self {
        Self::new("invalid_request", description)
    }

    const fn client(description: &'static str) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            ..Self::new("invalid_client", description)
        }
    }

    fn into_answer(self, state: &State) -> Answer {
        let mut answer = Answer::error(self.status, self.code, self.description);
        if self.status != StatusCode::UNAUTHORIZED {
            return answer;
        }
        if let Some(body) = &state.settings.client_rejection {
            answer.body = body.to_string().into();
        }
        answer.with(WWW_AUTHENTICATE, "Basic realm=\"test issuer\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_decoded() {
        let encoded = STANDARD.encode("a%3Ab+c:p%25w%2Bd=&");
        let credentials = format!("bAsIc {encoded}");
        assert_eq!(
            basic(&credentials),
            Some(("a:b c".to_owned(), "p%w+d=&".to_owned()))
        );
        assert_eq!(basic("Basic !!"), None);
        assert_eq!(basic("Bearer abc"), None);
    }
}
