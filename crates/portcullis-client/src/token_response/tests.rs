//! Answers of token endpoints, and what is read from them.

use super::*;

fn parse_as(token_type: &str, body: &str) -> Result<TokenResponse, TokenError> {
    let mut request = TokenRequest::default();
    request.add_scopes(["requested"]).expect("a scope");
    let response = TokenResponse::parse_body(body.as_bytes(), token_type, &request);
    response.map_err(|(kind, what)| TokenError::new(kind, what))
}

fn parse(body: &str) -> Result<TokenResponse, TokenError> {
    parse_as(BEARER_TYPE, body)
}

/// Token, lifetime in seconds and scopes, or the kind of the error.
type Summary = Result<(String, u64, String), TokenErrorKind>;

fn ok(seconds: u64, scopes: &str) -> Summary {
    Ok(("t".into(), seconds, scopes.into()))
}

fn summary(body: &str) -> Summary {
    let response = parse(body).map_err(|error| error.kind())?;
    let scopes = response.scopes.to_string();
    Ok((
        response.token.to_string(),
        response.lifetime.as_secs(),
        scopes,
    ))
}

fn with(members: &str) -> Summary {
    summary(&format!(
        r#"{{"access_token":"t","token_type":"bearer"{members}}}"#
    ))
}

#[test]
fn valid_responses_are_parsed() {
    assert_eq!(with(""), ok(300, "requested"));
    assert_eq!(
        with(r#","expires_in":null,"scope":null"#),
        ok(300, "requested")
    );
    assert_eq!(
        with(r#","expires_in":3600,"scope":"b a","refresh_token":"r","x":{}"#),
        ok(3600, "a b")
    );
    assert_eq!(
        summary(r#"{"token_type":"BEARER","access_token":"a.b~c/+=|:"}"#),
        Ok(("a.b~c/+=|:".into(), 300, "requested".into()))
    );
}

#[test]
fn expires_in_must_be_a_number_of_seconds() {
    for bad in [
        "-1",
        "0",
        "0.9",
        "\"  \"",
        "\"0\"",
        "\"-1\"",
        "\"3 600\"",
        "\"inf\"",
        "\"nan\"",
        "\"1e3\"",
        "\"+5\"",
        "\".5\"",
        "\"5.\"",
        "\"3599.9\"",
        "\"soon\"",
        "true",
        "[]",
        "{}",
        r#"{"$serde_json::private::Number":"5"}"#,
        r#"{"$serde_json::private::RawValue":"5"}"#,
    ] {
        let found = with(&format!(r#","expires_in":{bad}"#));
        assert_eq!(found, Err(TokenErrorKind::Unusable), "{bad}");
    }
    for (good, seconds) in [
        ("1", 1),
        ("3600", 3600),
        ("3599.9", 3599),
        ("1e3", 1000),
        ("\"3600\"", 3600),
        ("\" 3600 \"", 3600),
        ("\"\"", 300),
        ("31622400", 31_622_400),
        ("31622401", 31_622_400),
        ("\"99999999999\"", 31_622_400),
        ("18446744073709551616", 31_622_400),
        ("1e18", 31_622_400),
    ] {
        let found = with(&format!(r#","expires_in":{good}"#));
        assert_eq!(found, ok(seconds, "requested"), "{good}");
    }
}

#[test]
fn scope_may_be_a_list() {
    let scopes = |scope: &str| with(&format!(r#","scope":{scope}"#)).map(|found| found.2);
    assert_eq!(scopes(r#"["b","a"]"#), Ok("a b".into()));
    assert_eq!(scopes("[]"), Ok(String::new()));
    for bad in ["[1]", r#"["a",null]"#, r#"{"a":"b"}"#, "7"] {
        assert_eq!(scopes(bad), Err(TokenErrorKind::Unusable), "{bad}");
    }
}

#[test]
fn missing_token_type_is_accepted_as_bearer_only() {
    for body in [
        r#"{"access_token":"t"}"#,
        r#"{"access_token":"t","token_type":null}"#,
    ] {
        assert!(parse(body).expect("a token").is_untyped);
        let error = parse_as(DPOP_TYPE, body);
        let error = error.map(|_| ()).expect_err("not bound");
        assert_eq!(error.kind(), TokenErrorKind::TokenType);
        assert!(error.to_string().contains("is missing"), "{error}");
    }
    let typed = parse(r#"{"access_token":"t","token_type":"Bearer"}"#);
    assert!(!typed.expect("a token").is_untyped);
}

#[test]
fn error_shows_only_valid_token_type_names() {
    for (found, shown) in [
        ("mac", true),
        ("N_A", true),
        ("urn:x", false),
        ("is not a name", false),
        ("", false),
        ("0123456789abcdef0123456789abcdef0", false),
        ("s3cr3t-token", false),
        ("x.S3CR3T-token", false),
    ] {
        let body = format!(r#"{{"access_token":"s3cr3t-token","token_type":"{found}"}}"#);
        let error = parse(&body).map(|_| ()).expect_err(found);
        assert_eq!(error.kind(), TokenErrorKind::TokenType, "{found}");
        let text = error.to_string();
        assert_eq!(text.contains(&format!("type {found},")), shown, "{text}");
        assert!(!text.to_lowercase().contains("s3cr3t"), "{text}");
    }
}

#[test]
fn error_describes_an_invalid_body() {
    for (body, told) in [
        (r#"["s3cr3t","Bearer",3600]"#, "not a JSON object"),
        ("s3cr3t", "not JSON"),
        (
            r#"{"access_token":"t","access_token":"s3cr3t","token_type":"Bearer"}"#,
            "the member `access_token` appears twice",
        ),
        (
            r#"{"access_token":"t","token_type":"Bearer","error":"","error":"s3cr3t"}"#,
            "the member `error` appears twice",
        ),
        (
            r#"{"token_type":"Bearer"}"#,
            "the member `access_token` is missing",
        ),
    ] {
        let error = parse(body).map(|_| ()).expect_err(body);
        let text = error.to_string();
        assert!(text.contains(told) && !text.contains("s3cr3t"), "{text}");
    }
}

#[test]
fn token_with_characters_illegal_in_a_header_is_rejected() {
    for bad in [
        "",
        "a b",
        " a",
        "a\\r\\nX-Admin: 1",
        "a\\u0000",
        "\\u00fc",
        "a\\t",
    ] {
        let found = summary(&format!(
            r#"{{"access_token":"{bad}","token_type":"Bearer"}}"#
        ));
        assert_eq!(found, Err(TokenErrorKind::Unusable), "{bad}");
    }
}

#[test]
fn token_longer_than_max_token_bytes_is_rejected() {
    let of_length = |length| {
        let token = "a".repeat(length);
        parse(&format!(
            r#"{{"access_token":"{token}","token_type":"Bearer"}}"#
        ))
    };
    assert!(of_length(8 * 1024).is_ok());
    let error = of_length(8 * 1024 + 1).map(|_| ()).expect_err("too long");
    let text = error.to_string();
    assert!(
        text.contains("8193 bytes") && text.contains("at most 8192"),
        "{text}"
    );
}

#[test]
fn token_beside_an_error_is_rejected() {
    for error in [
        "true",
        "false",
        "503",
        r#"{"code":"x"}"#,
        r#"["x"]"#,
        "[]",
        r#"" ""#,
    ] {
        let found = with(&format!(r#","error":{error}"#));
        assert_eq!(found, Err(TokenErrorKind::Unusable), "{error}");
    }
    for none in ["null", r#""""#] {
        let found = with(&format!(r#","error":{none}"#));
        assert_eq!(found, ok(300, "requested"), "{none}");
    }
}

#[test]
fn other_token_types_are_rejected() {
    for other in ["DPoP", "N_A", "mac", "", "Bearer ", "Bearer,DPoP"] {
        let found = summary(&format!(r#"{{"access_token":"t","token_type":"{other}"}}"#));
        assert_eq!(found, Err(TokenErrorKind::TokenType), "{other}");
    }
}

#[test]
fn invalid_response_is_an_error_that_does_not_quote_it() {
    for bad in [
        "",
        "null",
        "[]",
        "{}",
        "<html>s3cr3t</html>",
        r#"{"token_type":"Bearer"}"#,
        r#"{"access_token":1,"token_type":"Bearer"}"#,
        r#"{"access_token":"s3cr3t","token_type":7}"#,
        r#"{"access_token":"s3cr3t","access_token":"t","token_type":"Bearer"}"#,
        r#"{"access_token":"s3cr3t","token_type":"Bearer""#,
        r#"{"access_token":"s3cr3t","token_type":"Bearer","scope":[7]}"#,
    ] {
        let error = parse(bad).map(|_| ()).expect_err(bad);
        assert_eq!(error.kind(), TokenErrorKind::Unusable, "{bad}");
        assert!(
            !format!("{error} {error:?}").contains("s3cr3t"),
            "{error:?}"
        );
    }
}
