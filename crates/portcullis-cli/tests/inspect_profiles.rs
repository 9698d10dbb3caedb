//! The profiles of `portcullis token inspect`.

mod support;

use portcullis_test::TestIssuer;
use support::{AUDIENCE, Ended, inspect};

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
            let Ended { code, stdout, .. } =
                inspect(&issuer, &token, &["--profile", profile]).await;
            assert!(!stdout.contains("it would be accepted"), "{typ}: {stdout}");
            let accepted = profile == "auth0";
            assert_eq!(code, Some(if accepted { 0 } else { 1 }), "{stdout}");
            if profile != "keycloak" {
                assert!(
                    stdout.contains("with --profile keycloak it would be refused"),
                    "{stdout}"
                );
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
    let Ended { stdout, .. } = inspect(&issuer, &id_token, &[]).await;
    assert!(!stdout.contains("it would be accepted"), "{stdout}");
    assert!(stdout.contains("--profile-file"), "{stdout}");
    // These tokens are rejected by every profile, so none is advised.
    let late = issuer
        .token()
        .audience("https://other.example.com")
        .typ("at+jwt")
        .mint();
    let Ended { stdout, .. } = inspect(&issuer, &late, &["--profile", "auth0"]).await;
    assert!(!stdout.contains("--profile rfc9068"), "{stdout}");
}

#[tokio::test(flavor = "multi_thread")]
async fn profile_names_match_the_library() {
    let issuer = TestIssuer::start().await;
    let token = issuer.token().audience(AUDIENCE).mint();
    for name in ["rfc9068", "strict"] {
        let Ended { code, stdout, .. } = inspect(&issuer, &token, &["--profile", name]).await;
        assert_eq!(code, Some(0), "{stdout}");
        assert!(stdout.contains("--profile rfc9068"), "{stdout}");
    }
    for name in ["auth0", "entra_id", "entra", "keycloak", "okta", "logto"] {
        assert_ne!(
            inspect(&issuer, &token, &["--profile", name]).await.code,
            Some(2),
            "{name}"
        );
    }
    let Ended { code, stderr, .. } = inspect(&issuer, &token, &["--profile", "oidc"]).await;
    assert_eq!(code, Some(2));
    assert!(stderr.contains("keycloak"), "{stderr}");
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
    let Ended { code, stderr, .. } = inspect(&issuer, &token, &["--profile", "cognito"]).await;
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("--profile cognito needs --client-id"),
        "{stderr}"
    );
    let cognito = |client| ["--profile", "cognito", "--client-id", client];
    let Ended { code, stdout, .. } = inspect(&issuer, &token, &cognito("other")).await;
    assert_eq!(code, Some(1));
    assert!(
        stdout.contains("\"billing\"") && stdout.contains("give --client-id"),
        "{stdout}"
    );
    assert_eq!(
        inspect(&issuer, &token, &cognito("billing")).await.code,
        Some(0)
    );
    // The advice includes the client id if the profile needs one.
    let Ended { stdout, .. } = inspect(&issuer, &token, &[]).await;
    assert!(
        stdout.contains("--profile cognito --client-id billing"),
        "{stdout}"
    );
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
    let Ended {
        code,
        stdout,
        stderr,
    } = inspect(&issuer, &token, &flag).await;
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    for expected in [
        "accepted with --profile-file",
        "machine",
        "role:clerk",
        "scopes or roles in `scope`: absent",
        "scopes or roles in `groups[].name`: found 1",
    ] {
        assert!(stdout.contains(expected), "{expected}: {stdout}");
    }

    write("name = \"x\"\nbase = \"rfc9068\"\nrequired_claim = []\n");
    let Ended { code, stderr, .. } = inspect(&issuer, &token, &flag).await;
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("lemonldap.toml: line 3: unknown field `required_claim`; did you mean `required_claims`?"),
        "{stderr}"
    );
    #[cfg(unix)]
    {
        use std::{fs, os::unix::fs::PermissionsExt};

        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("changed");
        let Ended { code, stderr, .. } = inspect(&issuer, &token, &flag).await;
        assert_eq!(code, Some(1));
        assert!(stderr.contains("chmod o-w"), "{stderr}");
    }
    let Ended { stderr, .. } = inspect(&issuer, &token, &["--profile-file", "/dev/null"]).await;
    assert!(stderr.contains("regular file"), "{stderr}");
    let both = [&flag[..], &["--profile", "okta"]].concat();
    assert_eq!(inspect(&issuer, &token, &both).await.code, Some(2));
}
