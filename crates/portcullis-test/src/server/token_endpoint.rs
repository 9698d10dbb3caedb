//! The token endpoint, with client credentials (RFC 6749 §4.4) and token exchange (RFC 8693), and the revocation endpoint
//! (RFC 7009).

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use form_urlencoded::parse;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use portcullis_core::Secret;
use serde_json::{Value, json};

use super::answer::{Answer, answer, error, json, with};
use crate::{RecordedRequest, client::Client, settings::TOKEN_EXCHANGE, state::State};

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

pub(super) fn issue(state: &State, request: &RecordedRequest) -> Answer {
    let issued = try_issue(state, request);
    let answer = issued.unwrap_or_else(|rejection| rejection.into_answer(state));
    with(answer, CACHE_CONTROL, "no-store")
}

/// Revokes nothing, since tokens are verified offline. An unknown token is not an error (RFC 7009 §2.2).
pub(super) fn revoke(state: &State, request: &RecordedRequest) -> Answer {
    let revoked = Form::parse(request).and_then(|form| {
        authenticate(state, request, &form)?;
        form.get("token")
            .map(|_| answer(200, "text/plain", ""))
            .ok_or(Rejection("invalid_request", "token is missing"))
    });
    revoked.unwrap_or_else(|rejection| rejection.into_answer(state))
}

fn try_issue(state: &State, request: &RecordedRequest) -> Result<Answer, Rejection> {
    let form = Form::parse(request)?;
    let client = authenticate(state, request, &form)?;
    let subject = match form.get("grant_type") {
        Some("client_credentials") => None,
        Some(TOKEN_EXCHANGE) => Some(subject(&form)?),
        Some(_) => {
            return Err(Rejection(
                "unsupported_grant_type",
                "use client_credentials or token exchange",
            ));
        }
        None => return Err(Rejection("invalid_request", "grant_type is missing")),
    };
    let scope = client.grant(form.get("scope")).ok_or(Rejection(
        "invalid_scope",
        "a scope is ill-formed or not allowed for this client",
    ))?;
    let mut token = state
        .token()
        .client_id(&client.id)
        .subject(subject.as_deref().unwrap_or(&client.id))
        .claim("aud", audience(state, &form)?);
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
    Ok(json(&answer))
}

/// The subject of a token exchange (RFC 8693 §2.1). Its token is read without verification.
fn subject(form: &Form) -> Result<String, Rejection> {
    if form.get("subject_token_type") != Some(ACCESS_TOKEN) {
        return Err(Rejection(
            "invalid_request",
            "subject_token_type must be that of an access token",
        ));
    }
    let token = form.get("subject_token").unwrap_or_default();
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap_or_default());
    payload
        .ok()
        .and_then(|payload| serde_json::from_slice::<Value>(&payload).ok())
        .and_then(|claims| Some(claims["sub"].as_str()?.to_owned()))
        .ok_or(Rejection("invalid_grant", "subject_token is not a JWT"))
}

/// Authenticates the client by HTTP Basic or by the body (RFC 6749 §2.3.1), not both (§2.3).
fn authenticate(
    state: &State,
    request: &RecordedRequest,
    form: &Form,
) -> Result<Client, Rejection> {
    let in_body = form.get("client_id").zip(form.get("client_secret"));
    let reject = |description| Rejection("invalid_client", description);
    let (id, secret) = match (request.headers.get(AUTHORIZATION), in_body) {
        (Some(_), Some(_)) => {
            return Err(Rejection(
                "invalid_request",
                "the client authenticates in two ways",
            ));
        }
        (Some(credentials), None) => credentials
            .to_str()
            .ok()
            .and_then(basic)
            .ok_or(reject("the Basic credentials are ill-formed"))?,
        (None, Some((id, secret))) => (id.to_owned(), secret.to_owned()),
        (None, None) => return Err(reject("client authentication is missing")),
    };
    let variable = state.variable();
    let mut clients = variable.clients.iter();
    let is_right = |own: &Secret| own.expose() == secret.as_bytes();
    clients
        .find(|client| client.id == id && client.secrets.iter().any(is_right))
        .cloned()
        .ok_or(reject("wrong client or secret"))
}

/// The id and secret in Basic credentials, which are form-encoded (RFC 6749 §2.3.1, appendix B).
fn basic(credentials: &str) -> Option<(String, String)> {
    let (scheme, encoded) = credentials.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    // Decoded as one pair of a form, with a literal `=` and `&` as themselves.
    let pair = pair.replace('=', "%3D").replace('&', "%26");
    let pair = pair.replacen(':', "=", 1);
    parse(pair.as_bytes()).into_owned().next()
}

/// The audience from `resource` (RFC 8707 §2) or `audience`: a string for one, an array for several.
fn audience(state: &State, form: &Form) -> Result<Value, Rejection> {
    let invalid = |description| Err(Rejection("invalid_target", description));
    let resources: Vec<&str> = form.all("resource").collect();
    let is_uri = |resource: &&str| resource.contains(':') && !resource.contains('#');
    if !resources.iter().all(is_uri) {
        return invalid("a resource must be an absolute URI without a fragment");
    }
    let requested = match form.get("audience") {
        Some(audience) if resources.is_empty() => vec![audience],
        _ => resources,
    };
    let known = &state.settings.audiences;
    let is_known = |requested: &&str| known.iter().any(|known| known == requested);
    if !known.is_empty() && !requested.iter().all(is_known) {
        return invalid("no tokens are issued for that audience");
    }
    Ok(match requested.as_slice() {
        [] => state.settings.audience().into(),
        [only] => (*only).into(),
        several => several.into(),
    })
}

/// The parameters of the body. Only `resource` may be repeated (RFC 6749 §3.2); empty ones count as missing.
struct Form(Vec<(String, String)>);

impl Form {
    fn parse(request: &RecordedRequest) -> Result<Self, Rejection> {
        let content_type = request.headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
        if !content_type.starts_with("application/x-www-form-urlencoded") {
            return Err(Rejection("invalid_request", "the body must be a form"));
        }
        let mut form = Self(Vec::new());
        let parameters = parse(&request.body).into_owned();
        for (name, value) in parameters.filter(|(_, value)| !value.is_empty()) {
            if name != "resource" && form.get(&name).is_some() {
                return Err(Rejection("invalid_request", "a parameter is repeated"));
            }
            form.0.push((name, value));
        }
        Ok(form)
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |parameter| parameter.0 == name);
        named.map(|(_, value)| value.as_str())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }
}

/// The code and description of an error response (RFC 6749 §5.2).
struct Rejection(&'static str, &'static str);

impl Rejection {
    fn into_answer(self, state: &State) -> Answer {
        let Self(code, description) = self;
        if code != "invalid_client" {
            return error(400, code, description);
        }
        let mut answer = error(401, code, description);
        if let Some(body) = &state.settings.client_rejection {
            *answer.body_mut() = body.to_string().into();
        }
        with(answer, WWW_AUTHENTICATE, "Basic realm=\"test issuer\"")
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
