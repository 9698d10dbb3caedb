use portcullis_core::PrincipalKind;
use portcullis_jose::Header;

use crate::{Profile, claims::Claims};

const EXAMPLE: &str = r#"
name = "example"
types = ["JWT", "at+jwt"]
audience_rule = "audience_and_client_id"
audience_claims = ["aud", "resource"]
required_claims = ["sub", "iat", "client_id", ["realm", "id"]]
client_id_claims = ["azp", ["client", "id"]]
token_id_claims = ["uti"]
scope_claims = ["https://example.com/scopes", "scope"]
unite_scope_claims = true
role_claims = [["realm", "roles"], ["access", "{audience}"], ["access", "{client}"], ["groups", "[]", "name"], ["projects", "{names}"]]
role_prefix = "r:"
access_token_if = [
    { claim = "use", equals = "access" },
    { claim = ["realm", "id"], not_equals = "test" },
]
not_access_token_if = [{ claim = "nonce", present = true }]
machine_if = [
    [{ claim = "sub", is_client = true, prefix = "sa-" }, { claim = "amr", present = false }],
    [{ claim = "kind", absent_or_equals = "m2m" }, { claim = "sub", same_as = ["client", "id"] }],
]
user_if = [[{ claim = "sub", contains = "@" }, { claim = "sub", not_starts_with = "sa-" }, { claim = "sub", not_contains = "/" }]]
"#;

fn read(text: &str) -> Profile {
    Profile::from_toml(text).unwrap_or_else(|error| panic!("{error}"))
}

fn error(text: &str) -> String {
    Profile::from_toml(text).expect_err(text).to_string()
}

#[test]
fn every_field_is_applied() {
    let profile = read(EXAMPLE);
    assert_eq!(profile.name(), "example");
    assert!(profile.needs_audience() && profile.needs_client_id());
    let json = r#"{
        "aud": ["orders"], "sub": "sa-billing", "iat": 1, "realm": {"id": "live", "roles": ["a"]}, "client": {"id": "billing"},
        "uti": "u", "scope": "s", "https://example.com/scopes": ["t"], "access": {"orders": ["b"], "billing": "c"},
        "groups": [{"name": "d"}], "projects": {"e": 1}, "use": "access"
    }"#;
    let claims = Claims::parse(json.as_bytes()).expect("parses");
    assert_eq!(profile.missing_claim(&claims), None);
    assert_eq!(profile.missing_mark(&claims), None);
    assert_eq!(profile.client_id(&claims), Some("billing"));
    assert_eq!(profile.token_id(&claims), Some("u"));
    assert_eq!(
        profile.scopes(&claims, &["orders".into()]).to_string(),
        "r:a r:b r:c r:d r:e s t"
    );
    assert_eq!(profile.kind(&claims), PrincipalKind::Machine);

    for (json, kind) in [
        (
            r#"{"sub":"sa-billing","azp":"billing","amr":[]}"#,
            PrincipalKind::Unknown,
        ),
        (
            r#"{"sub":"b","azp":"c","client":{"id":"b"}}"#,
            PrincipalKind::Machine,
        ),
        (
            r#"{"sub":"b","kind":"x","client":{"id":"b"}}"#,
            PrincipalKind::Unknown,
        ),
        (r#"{"sub":"jane@example.com"}"#, PrincipalKind::User),
        (r#"{"sub":"jane@example.com/x"}"#, PrincipalKind::Unknown),
    ] {
        let claims = Claims::parse(json.as_bytes()).expect("parses");
        assert_eq!(profile.kind(&claims), kind, "{json}");
    }
    for not_access in [
        r#"{"use":"id"}"#,
        r#"{"use":"access","nonce":null}"#,
        r#"{"use":"access","realm":{"id":"test"}}"#,
    ] {
        let claims = Claims::parse(not_access.as_bytes()).expect("parses");
        assert!(profile.missing_mark(&claims).is_some(), "{not_access}");
    }
}

#[test]
fn fields_adjust_a_base_and_keep_its_conditions() {
    let profile = read(
        r#"
        name = "our keycloak"
        base = "keycloak"
        role_claims = [["resource_access", "orders-api", "roles"]]
        access_token_if = [{ claim = "tenant", equals = "acme" }]
        "#,
    );
    let missing = |json: &str| {
        let claims = Claims::parse(json.as_bytes()).expect("parses");
        profile.missing_mark(&claims)
    };
    assert_eq!(missing(r#"{"typ":"Bearer","tenant":"acme"}"#), None);
    assert_eq!(
        missing(r#"{"typ":"ID","tenant":"acme"}"#).as_deref(),
        Some(r#"`typ` is "Bearer", but it is "ID""#)
    );
    assert!(missing(r#"{"typ":"Bearer"}"#).is_some());
    let header = Header::parse(br#"{"alg":"ES256","typ":"JWT"}"#).expect("a header");
    assert!(profile.accepts_type(&header));
    for name in Profile::NAMES {
        assert_eq!(
            read(&format!("name = \"x\"\nbase = \"{name}\"")).name(),
            "x"
        );
    }
}

#[test]
fn mistake_is_reported_with_line_and_field() {
    for (from, to, expected) in [
        (
            "scope_claims =",
            "scope_claim =",
            "line 9: unknown field `scope_claim`; did you mean `scope_claims`?",
        ),
        (
            "role_prefix = \"r:\"",
            "colour = 1",
            "line 12: unknown field `colour`; expected one of base, name,",
        ),
        ("\"r:\"", "\"\"", "`role_prefix` is empty"),
        (
            "role_prefix",
            "algorithms",
            "line 12: `algorithms` is not part of a profile",
        ),
        (
            "role_prefix",
            "leeway",
            "line 12: `leeway` is not part of a profile",
        ),
        ("name = \"example\"\n", "", "`name` is missing"),
        (
            "types = [\"JWT\", \"at+jwt\"]\n",
            "",
            "the profile has no `types`: add it or a `base` with it",
        ),
        (
            "audience_rule = \"audience_and_client_id\"\n",
            "",
            "the profile has no `audience_rule`",
        ),
        (
            "audience_and_client_id",
            "client_ids",
            "line 4: `audience_rule`: unknown variant `client_ids`, expected one of `audience`, `client_id`",
        ),
        (
            "\"audience_and_client_id\"",
            "false",
            "line 4: `audience_rule`: ",
        ),
        (
            "[\"aud\", \"resource\"]",
            "[]",
            "`audience_claims` or one of its names is empty",
        ),
        (
            "[\"aud\", \"resource\"]",
            "\"aud\"",
            "line 5: `audience_claims`: invalid type: string \"aud\", expected a sequence",
        ),
        (
            "[\"client\", \"id\"]",
            "[\"client\", 1]",
            "line 7: `client_id_claims`: expected the name of a claim, or the names of a path to it, such as [",
        ),
        (
            "[\"client\", \"id\"]",
            "[]",
            "line 7: `client_id_claims`: a path starts with the name of a claim",
        ),
        ("[\"client\", \"id\"]", "\"\"", "contains an empty name"),
        (
            "[\"client\", \"id\"]",
            "1",
            "expected the name of a claim, or the names of a path to it, such as [\"realm_access\", \"roles\"]",
        ),
        (
            "[\"client\", \"id\"]",
            "[\"client\", \"{audience}\"]",
            "`client.{audience}` may lead to several values",
        ),
        (
            "{audience}",
            "{api}",
            "line 11: `role_claims`: unknown `{api}` in a path, expected `{client}`",
        ),
        (
            "[\"access\", \"{audience}\"]",
            "[\"{audience}\"]",
            "line 11: `role_claims`: a path starts with the name of a claim",
        ),
        (
            "unite_scope_claims = true",
            "unite_scope_claims = 1",
            "line 10: `unite_scope_claims`: invalid type: integer `1`, expected a boolean",
        ),
        (
            "scope_claims = [\"https://example.com/scopes\", \"scope\"]\n",
            "",
            "`unite_scope_claims` needs `scope_claims`",
        ),
        (
            "{ claim = \"use\", equals",
            "{ claims = \"use\", equals",
            "line 14: `access_token_if`: unknown field `claims`, expected one of `claim`",
        ),
        (
            "{ claim = \"use\", equals",
            "{ equals",
            "`access_token_if`: missing field `claim`",
        ),
        (
            ", equals = \"access\"",
            "",
            "line 14: `access_token_if`: a condition needs exactly one test: one of present,",
        ),
        (
            ", equals = \"access\"",
            ", equals = \"a\", present = true",
            "line 14: `access_token_if`: a condition needs exactly one test",
        ),
        (
            ", equals = \"access\"",
            ", present = true, prefix = \"a\"",
            "line 14: `access_token_if`: `prefix` and `suffix` belong to `is_client`",
        ),
        (
            "equals = \"access\"",
            "equals = 1",
            "line 14: `access_token_if`: invalid type: integer `1`, expected a string",
        ),
        (
            "{ claim = \"use\", equals = \"access\" }",
            "\"use\"",
            "line 14: `access_token_if`: invalid type: string \"use\"",
        ),
        (
            "[[{ claim = \"sub\", contains",
            "[{ claim = \"sub\", contains",
            "line 22: invalid TOML",
        ),
        (
            "user_if = [[",
            "user_if = [{ claim = \"a\", present = true }, [",
            "line 22: `user_if`: invalid type: map, expected a sequence: write a list of lists: [[{ … }]]",
        ),
        (
            "[\"groups\", \"[]\"",
            "[\"groups\", \"[ ]\"",
            "line 11: `role_claims`: unknown `[ ]` in a path",
        ),
        (
            "user_if = [[",
            "user_if = [[], [",
            "an alternative of `machine_if` or `user_if` has no condition",
        ),
        ("\"example\"", "\"example", "line 2: invalid TOML"),
    ] {
        assert!(EXAMPLE.contains(from), "{from}");
        let message = error(&EXAMPLE.replacen(from, to, 1));
        assert!(message.contains(expected), "{to}: {message}");
    }
    assert!(
        error("name = \"x\"\nbase = \"keycloack\"")
            .starts_with("line 2: unknown profile `keycloack`; did you mean `keycloak`?")
    );
    let missing = Profile::from_toml("").expect_err("no name");
    assert!(missing.to_string().contains("`name` is missing"));
    assert_eq!(format!("{missing:?}"), missing.to_string());
}

#[test]
fn kind_rules_of_a_base_are_replaced_together() {
    let base = "name = \"x\"\nbase = \"keycloak\"\n";
    let machine = "machine_if = [[{ claim = \"sub\", is_client = true }]]\n";
    let user = "user_if = [[{ claim = \"sub\", is_client = false }]]\n";
    assert!(
        error(&format!("{base}{machine}"))
            .contains("`user_if` is missing: with a `base`, `machine_if` needs it")
    );
    assert!(
        error(&format!("{base}{user}"))
            .contains("`machine_if` is missing: with a `base`, `user_if` needs it")
    );
    read(&format!("{base}{machine}{user}"));
    read(&format!("{base}{machine}user_if = []\n"));
}

#[test]
fn profile_without_marks_is_rejected() {
    let text = r#"
        name = "lax"
        types = ["JWT"]
        audience_rule = "audience"
        required_claims = []
    "#;
    assert!(error(text).contains("add a condition that only access tokens meet"));
    let loud = format!("{text}\ndangerous_without_marks = true");
    assert_eq!(read(&loud).name(), "lax");
    let untyped = text.replace("\"JWT\"", "") + "\ndangerous_accept_untyped = true";
    assert!(error(&untyped).contains("add a condition"));
}

#[test]
fn unknown_field_is_escaped() {
    let message = error("name = \"x\"\n\"\\u001b[31m\" = 1");
    assert!(!message.contains('\u{1b}'), "{message}");
}

const GUIDE: &str = include_str!("../../../../../docs/guide/issuers.md");

#[test]
fn examples_of_the_guide_are_valid() {
    let examples: Vec<&str> = GUIDE
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    for example in &examples {
        read(example);
    }
    for file in [
        include_str!("../../../../../docs/guide/profiles/lemonldap-ng.toml"),
        include_str!("../../../../../docs/guide/profiles/django-oauth-toolkit.toml"),
    ] {
        assert!(
            examples.contains(&file),
            "the guide shows another text:\n{file}"
        );
    }
    let message = error("colour = 1");
    let (_, fields) = message.split_once("expected one of ").expect("a list");
    assert!(fields.split(", ").count() > 10, "{fields}");
    for field in fields.split(", ") {
        assert!(GUIDE.contains(field), "the guide does not name `{field}`");
    }
}

#[test]
fn lemonldap_profile_separates_token_kinds() {
    let profile = read(include_str!(
        "../../../../../docs/guide/profiles/lemonldap-ng.toml"
    ));
    let of = |json: &str| {
        let claims = Claims::parse(json.as_bytes()).expect("parses");
        let is_access_token =
            profile.missing_claim(&claims).is_none() && profile.missing_mark(&claims).is_none();
        (is_access_token, profile.kind(&claims))
    };
    let access = |sub: &str| {
        format!(
            r#"{{"iss":"i","exp":2,"aud":["billing","orders"],"client_id":"billing","iat":1,"jti":"j","scope":"orders:read","sub":"{sub}"}}"#
        )
    };
    assert_eq!(of(&access("billing")), (true, PrincipalKind::Machine));
    assert_eq!(of(&access("jane")), (true, PrincipalKind::User));
    let id_token = r#"{"iss":"i","exp":2,"aud":["billing","orders"],"iat":1,"auth_time":1,"acr":"loa-2","azp":"billing","sub":"jane"}"#;
    assert!(!of(id_token).0);
    let with_every_claim =
        id_token.replace('}', r#","client_id":"billing","jti":"j","scope":"openid"}"#);
    assert!(!of(&with_every_claim).0);
}
