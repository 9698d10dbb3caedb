//! The endpoints for clients: client credentials (RFC 6749 §4.4), token exchange (RFC 8693), and revocation (RFC 7009).

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
use crate::{Dialect, RecordedRequest, client::Client, state::State};

pub(super) fn answer(state: &State, request: &RecordedRequest) -> Answer {
    issue(state, request)
        .unwrap_or_else(|refusal| refusal.into_answer(state.settings.dialect))
        .with(CACHE_CONTROL, "no-store")
}

/// RFC 7009 §2: a client says that it has done with a token. Tokens of this issuer are verified offline, so nothing
/// else comes of it, and one that is not known is no error (§2.2).
pub(super) fn revoke(state: &State, request: &RecordedRequest) -> Answer {
    let revoked = Form::parse(request).and_then(|form| {
        authenticate(state, &request.headers, &form)?;
        form.get("token")
            .map(|_| Answer::new(StatusCode::OK, "text/plain", ""))
            .ok_or(Refusal::request("token is missing"))
    });
    revoked.unwrap_or_else(|refusal| refusal.into_answer(state.settings.dialect))
}

fn issue(state: &State, request: &RecordedRequest) -> Result<Answer, Refusal> {
    let form = Form::parse(request)?;
    let client = authenticate(state, &request.headers, &form)?;
    let subject = match form.get("grant_type") {
        Some("client_credentials") => None,
        Some(TOKEN_EXCHANGE) => Some(subject(&form)?),
        Some(_) => {
            return Err(Refusal::new(
                "unsupported_grant_type",
                "only client_credentials and token exchange",
            ));
        }
        None => return Err(Refusal::request("grant_type is missing")),
    };
    let scope = client.grant(form.get("scope")).ok_or(Refusal::new(
        "invalid_scope",
        "a scope is ill-formed or not this client's",
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
    Ok(Answer::json("application/json", &answer))
}

pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// On whose behalf a token is exchanged (RFC 8693 §2.1). The subject's token is read and not verified: this issuer has
/// nobody to protect.
fn subject(form: &Form) -> Result<String, Refusal> {
    if form.get("subject_token_type") != Some(ACCESS_TOKEN) {
        return Err(Refusal::request("the subject's token is no access token"));
    }
    let payload = form
        .get("subject_token")
        .and_then(|token| token.split('.').nth(1));
    let claims = payload.and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
    claims
        .and_then(|claims| serde_json::from_slice::<Value>(&claims).ok())
        .and_then(|claims| Some(claims["sub"].as_str()?.to_owned()))
        .ok_or(Refusal::new(
            "invalid_grant",
            "the subject's token is no JWT",
        ))
}

/// RFC 6749 §2.3.1: HTTP Basic, or in the body; never both (§2.3).
fn authenticate(state: &State, headers: &HeaderMap, form: &Form) -> Result<Client, Refusal> {
    let in_body = form.get("client_id").zip(form.get("client_secret"));
    let (id, secret) = match (headers.get(AUTHORIZATION), in_body) {
        (Some(_), Some(_)) => return Err(Refusal::request("the client authenticates twice")),
        (Some(credentials), None) => credentials
            .to_str()
            .ok()
            .and_then(basic)
            .ok_or(Refusal::client("the Basic credentials are ill-formed"))?,
        (None, Some((id, secret))) => (id.to_owned(), secret.to_owned()),
        (None, None) => return Err(Refusal::client("the client does not authenticate")),
    };
    let changing = state.changing();
    let mut clients = changing.clients.iter();
    clients
        .find(|client| client.id == id && client.has_secret(&secret))
        .cloned()
        .ok_or(Refusal::client("client or secret is wrong"))
}

/// Id and secret are form-encoded before they are joined by the colon (RFC 6749 §2.3.1, appendix B).
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
    // As the name of a pair; an equals sign that was not encoded stands for itself.
    let encoded = text.replace('=', "%3D").replace('&', "%26");
    parse(encoded.as_bytes())
        .map(|(name, _)| name.into_owned())
        .collect()
}

/// `resource` (RFC 8707 §2), or `audience` as some servers call it: one is a string, several are a list.
fn audience(state: &State, form: &Form) -> Result<Value, Refusal> {
    let settings = &state.settings;
    let asked = if form.resources.is_empty() {
        form.get("audience")
            .map(str::to_owned)
            .into_iter()
            .collect()
    } else {
        form.resources.clone()
    };
    let absolute = |resource: &String| resource.contains(':') && !resource.contains('#');
    if !form.resources.iter().all(absolute) {
        return Err(Refusal::new(
            "invalid_target",
            "a resource is no absolute URI without fragment",
        ));
    }
    let known = |asked: &String| settings.any_audience || settings.audiences.contains(asked);
    if !asked.iter().all(known) {
        return Err(Refusal::new(
            "invalid_target",
            "no tokens are issued for that audience",
        ));
    }
    Ok(match asked.as_slice() {
        [] => settings.audiences[0].as_str().into(),
        [only] => only.as_str().into(),
        several => several.into(),
    })
}

/// The parameters of the body. All but `resource` may come once (RFC 6749 §3.2); empty ones count as absent.
struct Form {
    single: HashMap<String, String>,
    resources: Vec<String>,
}

impl Form {
    fn parse(request: &RecordedRequest) -> Result<Self, Refusal> {
        let content_type = request
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let essence = content_type
            .and_then(|value| value.split(';').next())
            .unwrap_or_default();
        if !essence
            .trim()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        {
            return Err(Refusal::request("the body is no form"));
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
                return Err(Refusal::request("a parameter is repeated"));
            }
        }
        Ok(form)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.single.get(name).map(String::as_str)
    }
}

/// An error of RFC 6749 §5.2.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    description: &'static str,
}

impl Refusal {
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
}

impl Refusal {
    fn into_answer(self, dialect: Dialect) -> Answer {
        let answer = Answer::error(self.status, self.code, self.description);
        if self.status != StatusCode::UNAUTHORIZED {
            return answer;
        }
        let answer = match dialect.refusal() {
            Some(body) => Answer {
                body: body.to_string().into(),
                ..answer
            },
            None => answer,
        };
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
