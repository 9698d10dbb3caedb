//! No secret, assertion, proof or token is in any log event, error or `Debug`.

use std::{
    fmt::Debug,
    io,
    sync::{Arc, Mutex},
};

use portcullis_client::{
    AddApiKeyLayer, AddTokenLayer, ApiKeySource, AuthorizationServer, ClientAuthentication,
    ClientKeys, ClientSecrets, DpopKey, Origins, SubjectToken, TokenExchange, TokenSet,
    TokenSource,
};
use portcullis_core::Secret;
use portcullis_jose::{Algorithm, SigningKey};
use portcullis_test::{Endpoint, Fault, SigningAlgorithm, TestIssuer};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

const ID: &str = "billing";
/// Long enough for HS256, and easy to recognize.
const SECRET: &str = "never-shown-client-secret-0123456789";
const OPAQUE: &str = "never-shown-opaque-token";
const API_KEY: &str = "never-shown-api-key";

/// Everything that is logged or shown.
#[derive(Clone, Default)]
struct Everything(Arc<Mutex<Vec<u8>>>);

impl Everything {
    fn add_debug(&self, shown: &impl Debug) {
        let text = format!("{shown:?}\n{shown:#?}\n");
        self.0
            .lock()
            .expect("not poisoned")
            .extend(text.into_bytes());
    }

    fn add_error<E: std::error::Error>(&self, error: &E) {
        self.add_debug(error);
        let mut cause: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = cause {
            let text = format!("{error}\n");
            self.0
                .lock()
                .expect("not poisoned")
                .extend(text.into_bytes());
            cause = error.source();
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("not poisoned")).into_owned()
    }
}

impl io::Write for Everything {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("not poisoned")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Everything {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_and_tokens_are_never_logged_or_shown() {
    let everything = Everything::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(everything.clone())
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("the first");

    let issuer = TestIssuer::builder()
        .client(ID, SECRET, ["orders:read"])
        .start()
        .await
        .expect("an issuer");
    let server = AuthorizationServer::discover(issuer.url())
        .build()
        .expect("a server");
    let private = portcullis_test::TestKey::generate(SigningAlgorithm::ES256);
    let key = SigningKey::from_pem(private.private_pem().as_bytes(), Algorithm::ES256);
    let key = key.expect("a key");
    let origins = Origins::new([issuer.url()]).expect("an origin");
    everything.add_debug(&server);

    for client in [
        ClientAuthentication::secret_basic(
            ID,
            ClientSecrets::new(["never-shown-wrong-secret", SECRET]),
        ),
        ClientAuthentication::secret_post(ID, SECRET),
        ClientAuthentication::secret_jwt(ID, SECRET, Algorithm::HS256),
        ClientAuthentication::private_key_jwt(ID, ClientKeys::from(key.clone())),
    ] {
        everything.add_debug(&client);
        for dpop in [None, Some(DpopKey::new(key.clone()).expect("a key"))] {
            let mut builder = TokenSource::builder(&server, client.clone()).scopes(["orders:read"]);
            if let Some(key) = dpop {
                builder = builder.dpop(key);
            }
            let source = builder.build().expect("a source");
            let mut events = source.events();
            for fault in faults() {
                match fault {
                    Some(fault) => issuer.fault(Endpoint::Token, fault),
                    None => issuer.heal(Endpoint::Token),
                }
                match source.refresh().await {
                    Ok(token) => everything.add_debug(&token),
                    Err(error) => everything.add_error(&error),
                }
                if let Err(error) = source.token().await {
                    everything.add_error(&error);
                }
                everything.add_debug(&source.status());
            }
            everything.add_debug(&source);
            everything.add_debug(&AddTokenLayer::new(source.clone(), origins.clone()));
            for fault in [Fault::Html, Fault::Status(500)] {
                issuer.fault_for(Endpoint::Revocation, fault, 1);
                if let Err(error) = source.revoke().await {
                    everything.add_error(&error);
                }
            }
            let _ = source.shut_down().await;
            while let Ok(event) = events.try_recv() {
                everything.add_debug(&event);
            }
        }
        let exchange = TokenExchange::builder(&server, client.clone())
            .build()
            .expect("an exchange");
        for subject in [OPAQUE.to_owned(), issuer.token().mint()] {
            let subject = SubjectToken::access_token(Secret::new(subject), None);
            everything.add_debug(&subject);
            match exchange.token(&subject).await {
                Ok(token) => everything.add_debug(&token),
                Err(error) => everything.add_error(&error),
            }
        }
        everything.add_debug(&exchange);
        everything.add_debug(&TokenSet::new(TokenSource::builder(&server, client)));
    }
    let key = ApiKeySource::new(&Secret::new(API_KEY)).expect("a key");
    everything.add_debug(&key);
    everything.add_debug(&AddApiKeyLayer::new(key, origins));

    let text = everything.text();
    assert!(
        text.contains("no access token could be obtained"),
        "the log was captured"
    );
    let found = |what: &str| {
        let line = text.lines().find(|line| line.contains(what));
        assert_eq!(line, None, "{what}");
    };
    // All secrets and opaque tokens begin with this text. It is searched for in Base64 at any offset too.
    for mark in [
        "never-shown",
        "bmV2ZXItc2hvd2",
        "5ldmVyLXNob3du",
        "uZXZlci1zaG93b",
    ] {
        found(mark);
    }
    found("Basic ");
    // Every JWT begins with `typ` or `alg`: tokens, assertions, proofs.
    found("eyJ0eX");
    found("eyJhbG");
    let pem = private.private_pem();
    found(pem.lines().nth(1).expect("a line of the key"));
}

/// `None` is an issuer without a fault.
fn faults() -> Vec<Option<Fault>> {
    let token = |changes: serde_json::Value| {
        let mut body = json!({ "access_token": OPAQUE, "token_type": "Bearer", "expires_in": 60 });
        let members = body.as_object_mut().expect("an object");
        members.extend(changes.as_object().expect("an object").clone());
        Some(Fault::Json(body))
    };
    vec![
        None,
        Some(Fault::Down),
        Some(Fault::Status(500)),
        Some(Fault::Html),
        Some(Fault::Truncated),
        token(json!({})),
        token(json!({ "token_type": "DPoP" })),
        token(json!({ "token_type": "mac" })),
        token(json!({ "expires_in": "never-shown-soon" })),
        token(json!({ "scope": ["never-shown-scope", OPAQUE] })),
        token(json!({ "access_token": "never-shown b" })),
        token(json!({ "access_token": "never-shown\r\nb" })),
        token(json!({ "error": "invalid_client" })),
        Some(Fault::Answer {
            status: 200,
            content_type: "application/json",
            body: format!(r#"{{"access_token":"{OPAQUE}","token_type":"Bearer""#).into_bytes(),
        }),
        Some(Fault::Answer {
            status: 400,
            content_type: "application/json",
            body: br#"{"error":"invalid_request","error_description":"what was that"}"#.to_vec(),
        }),
    ]
}
