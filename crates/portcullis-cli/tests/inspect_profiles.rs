//! The profiles of `portcullis token inspect`.

mod support;

use portcullis_test::TestIssuer;
use support::{AUDIENCE, inspect};

#[tokio::test(flavor = "multi_thread")]
async fn no_profile_is_advised_for_other_tokens() {
    let issuer = TestIssuer::start().await;
    for typ in ["Refresh", "Offline", "ID", "Logout"] {
        let token = issuer
            .token()
            .audience(AUDIENCE)
            .typ("JWT")
            .claim("typ", typ)
            .claim("azp", "billing")
            .subject("1f4db6ad-5e75-479c-b289-b8096ec1f4f4")
            .mint();
        for profile in ["rfc9068", "keycloak", "okta", "auth0"] {
            let inspected = inspect(&issuer, &token, &["--profile", profile]).await;
            let inspected = inspected.exits(i32::from(profile != "auth0"));
            let inspected = inspected.hides(&["the token would be accepted"]);
            if profile != "keycloak" {
                inspected
                    .prints(&["it looks like a token for --profile keycloak, which refuses it"]);
            }
        }
    }

    // Only Auth0's preset would accept this ID token of another issuer as an access token.
    let id_token = issuer
        .token()
        .audience(AUDIENCE)
        .typ("JWT")
        .claim("azp", "shop")
        .subject("jane")
        .mint();
    let inspected = inspect(&issuer, &id_token, &[]).await;
    let inspected = inspected.prints(&["--profile-file"]);
    inspected.hides(&["the token would be accepted"]);
    // These tokens are rejected by every profile, so none is advised.
    let late = issuer
        .token()
        .audience("https://other.example.com")
        .typ("at+jwt")
        .mint();
    let inspected = inspect(&issuer, &late, &["--profile", "auth0"]).await;
    inspected.hides(&["--profile rfc9068"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn profile_names_match_the_library() {
    let issuer = TestIssuer::start().await;
    let token = issuer.token().audience(AUDIENCE).mint();
    for name in ["rfc9068", "strict"] {
        let inspected = inspect(&issuer, &token, &["--profile", name]).await;
        inspected.exits(0).prints(&["--profile rfc9068"]);
    }
    for name in ["auth0", "entra_id", "entra", "keycloak", "okta", "logto"] {
        let inspected = inspect(&issuer, &token, &["--profile", name]).await;
        assert_ne!(inspected.code, Some(2), "{name}");
    }
    let inspected = inspect(&issuer, &token, &["--profile", "oidc"]).await;
    inspected.exits(2).reports(&["keycloak"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn profile_with_client_ids_requires_the_option() {
    let issuer = TestIssuer::start().await;
    let token = issuer
        .token()
        .audience(AUDIENCE)
        .typ("JWT")
        .claim("token_use", "access")
        .client_id("billing")
        .mint();
    let inspected = inspect(&issuer, &token, &["--profile", "cognito"]).await;
    let inspected = inspected.exits(2);
    inspected.reports(&["--profile cognito needs --client-id"]);
    let cognito = |client| ["--profile", "cognito", "--client-id", client];
    let inspected = inspect(&issuer, &token, &cognito("other")).await.exits(1);
    inspected.prints(&["\"billing\"", "give --client-id"]);
    let inspected = inspect(&issuer, &token, &cognito("billing")).await;
    inspected.exits(0);
    // The advice includes the client id if the profile needs one.
    let inspected = inspect(&issuer, &token, &[]).await;
    inspected.prints(&["--profile cognito --client-id billing"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn profile_file_is_read() {
    let issuer = TestIssuer::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lemonldap.toml");
    let write = |text: &str| std::fs::write(&path, text).expect("written");
    let flag = ["--profile-file", path.to_str().expect("UTF-8")];
    let token = issuer
        .token()
        .audience(AUDIENCE)
        .typ("JWT")
        .client_id("billing")
        .subject("billing")
        .claim("groups", serde_json::json!([{"name": "clerk"}]))
        .mint();
    write(
        r#"
        name = "lemonldap"
        types = ["JWT"]
        audience_rule = "audience"
        required_claims = ["sub", "client_id", "jti"]
        role_claims = [["groups", "[]", "name"]]
        not_access_token_if = [{ claim = "azp", present = true }]
        machine_if = [[{ claim = "sub", is_client = true }]]
        "#,
    );
    inspect(&issuer, &token, &flag).await.exits(0).prints(&[
        "accepted with --profile-file",
        "machine",
        "role:clerk",
        "scopes or roles in `scope`: absent",
        "scopes or roles in `groups[].name`: found 1",
    ]);

    write("name = \"x\"\nbase = \"rfc9068\"\nrequired_claim = []\n");
    let inspected = inspect(&issuer, &token, &flag).await.exits(1);
    inspected.reports(&[
        "lemonldap.toml: line 3: unknown field `required_claim`; did you mean `required_claims`?",
    ]);
    #[cfg(unix)]
    {
        use std::{fs, os::unix::fs::PermissionsExt};

        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("changed");
        let inspected = inspect(&issuer, &token, &flag).await.exits(1);
        inspected.reports(&["chmod o-w"]);
    }
    let inspected = inspect(&issuer, &token, &["--profile-file", "/dev/null"]).await;
    inspected.reports(&["regular file"]);
    let both = [&flag[..], &["--profile", "okta"]].concat();
    inspect(&issuer, &token, &both).await.exits(2);
}
