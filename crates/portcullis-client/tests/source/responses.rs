//! Responses of the token endpoint, and what errors and events say about them.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use portcullis_client::{ClientAuthentication, TokenEvent};
use portcullis_test::{Endpoint, Fault};
use serde_json::json;

use crate::{
    Setting, client,
    outages::{answer, issued},
};

#[tokio::test]
async fn missing_scopes_are_reported_when_they_change() {
    let wanted = ["orders:read", "orders:write"];
    let mut setting = Setting::of(client(), |source| source.scopes(wanted)).await;
    for (granted, missing) in [
        (json!("orders:read other"), Some("orders:write")),
        (json!("orders:read"), None),
        (json!("other"), Some("orders:read orders:write")),
        (json!(null), Some("")),
        (json!("orders:write orders:read"), None),
    ] {
        let mut changes = json!({});
        if !granted.is_null() {
            changes = json!({ "scope": granted });
        }
        setting.issuer.fault(Endpoint::Token, issued(changes));
        setting.source.refresh().await.expect("a token");
        assert!(matches!(setting.event().await, TokenEvent::Obtained { .. }));
        if let Some(expected) = missing {
            match setting.event().await {
                TokenEvent::MissingScopesChanged { missing, .. } => {
                    assert_eq!(missing.as_str(), expected)
                }
                other => panic!("{granted}: {other:?}"),
            }
        }
    }
    assert!(setting.events.is_empty());
}

#[tokio::test]
async fn slightly_invalid_responses_are_accepted() {
    let token = r#"{"access_token":"opaque","token_type":"Bearer","expires_in":60}"#;
    for (name, fault) in [
        ("an empty error", issued(json!({ "error": "" }))),
        ("an error that is null", issued(json!({ "error": null }))),
        ("a lifetime in text", issued(json!({ "expires_in": "60" }))),
        ("a fraction", issued(json!({ "expires_in": 59.9 }))),
        ("a long lifetime", issued(json!({ "expires_in": 1e18 }))),
        ("scopes in a list", issued(json!({ "scope": ["a", "b"] }))),
        ("201", answer(201, token)),
        ("203", answer(203, token)),
        (
            "a byte order mark",
            answer(200, &format!("\u{feff}{token}")),
        ),
    ] {
        let setting = Setting::new().await;
        setting.issuer.fault(Endpoint::Token, fault);
        let token = setting.token().await.expect(name);
        assert_eq!(token.expose(), "opaque", "{name}");
    }
}

#[tokio::test]
async fn missing_token_type_is_reported_once() {
    let mut setting = Setting::new().await;
    let untyped = Fault::Json(json!({ "access_token": "opaque", "expires_in": 60 }));
    let mut reported = Vec::new();
    for fault in [untyped.clone(), untyped.clone(), issued(json!({})), untyped] {
        setting.issuer.fault(Endpoint::Token, fault);
        setting.source.refresh().await.expect("a token");
        let obtained = setting.event().await;
        assert!(matches!(obtained, TokenEvent::Obtained { .. }));
        reported.push(matches!(setting.events.try_recv(), Ok(TokenEvent::Untyped)));
    }
    assert_eq!(reported, [true, false, false, true]);
}

#[tokio::test]
async fn error_contains_the_oauth_error_escaped() {
    let setting = Setting::quick().await;
    let body = r#"{"error":"invalid_scope","error_description":"no \u001b[31mred\nscopes"}"#;
    setting.issuer.fault(Endpoint::Token, answer(400, body));
    let error = setting.token().await.expect_err("refused");
    let oauth = error.oauth_error().expect("an error of OAuth");
    assert_eq!(&*oauth.code, "invalid_scope");
    let text = error.to_string();
    assert!(
        text.contains("invalid_scope") && !text.contains(['\n', '\u{1b}']),
        "{text:?}"
    );
}

#[tokio::test]
async fn error_advises_what_to_do() {
    let setting = Setting::of(client(), |source| source.scopes(["orders:read"])).await;
    for (code, advice) in [
        ("invalid_client", "check the client id"),
        (
            "invalid_scope",
            "request scopes that this client is allowed",
        ),
        ("invalid_target", "check the requested resource or audience"),
        ("unauthorized_client", "allow this client the request"),
    ] {
        let body = json!({ "error": code }).to_string();
        setting.issuer.fault(Endpoint::Token, answer(400, &body));
        let error = setting.source.refresh().await.expect_err(code);
        assert!(error.to_string().contains(advice), "{code}: {error}");
    }
    // No scope was sent.
    let setting = Setting::new().await;
    let body = r#"{"error":"invalid_scope"}"#;
    setting.issuer.fault(Endpoint::Token, answer(400, body));
    let error = setting.token().await.expect_err("refused");
    let text = error.to_string();
    assert!(
        text.ends_with("invalid_scope; the server's log may say why"),
        "{text}"
    );
}

#[tokio::test]
async fn error_masks_secrets_that_the_server_echoes() {
    for secret in ["s3cr3t-value", "h&nter2"] {
        let client = ClientAuthentication::secret_post("billing", secret);
        let mut setting = Setting::of(client, |source| source).await;
        for repeated in [
            secret.to_owned(),
            secret.to_uppercase(),
            secret.bytes().map(|byte| format!("%{byte:02X}")).collect(),
            secret.replace('&', "&amp;"),
            secret.replace('&', "\\u0026"),
            BASE64_STANDARD.encode(secret),
            BASE64_STANDARD.encode(format!("billing:{secret}")),
        ] {
            for body in [
                json!({ "error": "invalid_client", "error_description": format!("<{repeated}> is wrong") }),
                json!({ "error": format!("invalid_client {repeated}") }),
                json!({ "errorCode": "E1", "errorSummary": repeated }),
                json!({ "access_token": "t", "token_type": repeated }),
            ] {
                let status = if body.get("access_token").is_some() {
                    200
                } else {
                    401
                };
                let fault = answer(status, &body.to_string());
                setting.issuer.fault(Endpoint::Token, fault);
                let error = setting.source.refresh().await.expect_err("refused");
                let (oauth, event) = (error.oauth_error(), setting.event().await);
                let text = format!("{error} {error:?} {oauth:?} {event:?}");
                assert!(!text.contains(&repeated), "{repeated}: {text}");
                assert!(!text.to_lowercase().contains(secret), "{repeated}: {text}");
            }
        }
    }

    let setting = Setting::new().await;
    let token = setting.token().await.expect("a token");
    let body = json!({ "error": "invalid_request", "error_description": token.expose() });
    let repeated = answer(400, &body.to_string());
    setting.issuer.fault(Endpoint::Revocation, repeated);
    let error = setting.source.revoke().await.expect_err("refused");
    let text = format!("{error} {error:?} {:?}", error.oauth_error());
    assert!(!text.contains(token.expose()), "{text}");
}
