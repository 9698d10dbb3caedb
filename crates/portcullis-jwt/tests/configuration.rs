//! A missing or invalid setting is an error that names it.

mod support;

use std::time::Duration;

use portcullis_core::{ConfigError, Secret};
use portcullis_jose::KeySet;
use portcullis_jwt::{
    Algorithm, AudienceRule, Bearer, BearerBuilder, IssuerKeys, Profile, RefreshAnswer, Refresher,
};
use support::{AUDIENCE, ISSUER, issuer};

fn complete() -> BearerBuilder {
    Bearer::jwt(&issuer())
        .audience(AUDIENCE)
        .algorithms([Algorithm::EdDSA])
}

fn error(builder: BearerBuilder) -> ConfigError {
    builder.build().expect_err("a configuration error")
}

#[test]
fn complete_configuration_builds() {
    complete().build().expect("a complete configuration");
}

#[test]
fn missing_audience_is_named_with_the_fix() {
    let error = error(Bearer::jwt(&issuer()).algorithms([Algorithm::EdDSA]));
    assert_eq!(error.setting(), "audience");
    assert!(error.to_string().contains(".audience("), "{error}");
    let none: [&str; 0] = [];
    let empty = Bearer::jwt(&issuer())
        .algorithms([Algorithm::EdDSA])
        .audiences(none);
    assert_eq!(empty.build().expect_err("empty").setting(), "audience");
    assert_eq!(
        complete()
            .audience("")
            .build()
            .expect_err("empty")
            .setting(),
        "audience"
    );
}

#[test]
fn missing_algorithms_are_named_with_the_fix() {
    for builder in [
        Bearer::jwt(&issuer()),
        Bearer::jwt(&issuer()).algorithms([]),
    ] {
        let error = error(builder.audience(AUDIENCE));
        assert_eq!(error.setting(), "algorithms");
        assert!(error.to_string().contains(".algorithms("), "{error}");
    }
}

#[test]
fn cognito_requires_client_ids_instead_of_an_audience() {
    let cognito = || {
        Bearer::jwt(&issuer())
            .algorithms([Algorithm::EdDSA])
            .profile(Profile::cognito())
    };
    assert_eq!(error(cognito()).setting(), "client_ids");
    assert_eq!(error(cognito().audience(AUDIENCE)).setting(), "client_ids");
    let none: [&str; 0] = [];
    assert_eq!(error(cognito().client_ids(none)).setting(), "client_ids");
    assert_eq!(error(cognito().client_ids([""])).setting(), "client_ids");
    cognito()
        .client_ids(["billing"])
        .build()
        .expect("a complete configuration");
}

#[test]
fn audience_and_client_id_rule_requires_both() {
    let both = || {
        let profile = Profile::rfc9068().audience_rule(AudienceRule::AudienceAndClientId);
        Bearer::jwt(&issuer())
            .algorithms([Algorithm::EdDSA])
            .profile(profile)
    };
    assert_eq!(error(both().client_ids(["billing"])).setting(), "audience");
    assert_eq!(error(both().audience(AUDIENCE)).setting(), "client_ids");
    both()
        .audience(AUDIENCE)
        .client_ids(["billing"])
        .build()
        .expect("a complete configuration");
}

#[test]
fn profile_that_accepts_id_tokens_is_a_config_error() {
    let lax = Profile::rfc9068().types(["JWT"]);
    let error = error(complete().profile(lax));
    assert_eq!(error.setting(), "profile");
    assert!(error.to_string().contains("add a condition"), "{error}");
}

#[test]
fn algorithm_without_a_fixed_key_is_a_config_error() {
    let error = error(
        Bearer::jwt(&issuer())
            .audience(AUDIENCE)
            .algorithms([Algorithm::RS256]),
    );
    assert_eq!(error.setting(), "algorithms");
}

#[test]
fn hmac_requires_a_configured_secret() {
    let secret = KeySet::from_secret(
        Algorithm::HS256,
        Secret::new("0123456789abcdef0123456789abcdef"),
    )
    .expect("a key");
    let keys = IssuerKeys::fixed(ISSUER, secret).expect("an issuer");
    Bearer::jwt(&keys)
        .audience(AUDIENCE)
        .algorithms([Algorithm::HS256])
        .build()
        .expect("a local secret");
    for algorithms in [
        [Algorithm::HS256, Algorithm::HS512],
        [Algorithm::HS512, Algorithm::EdDSA],
    ] {
        assert_eq!(
            error(Bearer::jwt(&keys).audience(AUDIENCE).algorithms(algorithms)).setting(),
            "algorithms"
        );
    }
    let public = error(complete().algorithms([Algorithm::HS256]));
    assert_eq!(public.setting(), "algorithms");
    assert!(public.to_string().contains("from_secret"), "{public}");
    let (refreshed, _publisher) =
        IssuerKeys::refreshed(ISSUER, Box::new(Never)).expect("an issuer");
    let refreshed = Bearer::jwt(&refreshed)
        .audience(AUDIENCE)
        .algorithms([Algorithm::HS256]);
    assert_eq!(error(refreshed).setting(), "algorithms");
}

#[test]
fn a2_leeway_over_5_minutes_is_a_config_error() {
    complete()
        .leeway(Duration::from_secs(300))
        .build()
        .expect("five minutes");
    assert_eq!(
        error(complete().leeway(Duration::from_millis(300_001))).setting(),
        "leeway"
    );
    assert_eq!(
        error(complete().max_lifetime(Duration::ZERO)).setting(),
        "max_lifetime"
    );
}

#[test]
fn h3_realm_with_line_ends_is_a_config_error() {
    assert_eq!(error(complete().realm("a\r\nb")).setting(), "realm");
    complete()
        .realm("orders \"v2\"")
        .build()
        .expect("a quotable realm");
}

struct Never;

impl Refresher for Never {
    fn request_newer_keys(&self, _: u64) -> RefreshAnswer {
        RefreshAnswer::Exhausted
    }

    fn report_bad_signature(&self) {}
}
