//! Applies a profile to the header and the claims of a token.

use portcullis_core::{PrincipalKind, log::escape};
use portcullis_jose::Header;

use super::{Condition, Profile};
use crate::{
    claim_path::ClaimPath,
    claims::{Claim, Claims},
    verify_error::quoted,
};

impl Profile {
    /// Whether the header's `typ` is that of an access token.
    pub(crate) fn accepts_type(&self, header: &Header) -> bool {
        match header.typ() {
            None => self.untyped,
            Some(_) => self.types.iter().any(|typ| header.is_media_type(typ)),
        }
    }

    pub(crate) fn accepted_types(&self) -> String {
        let untyped = self.untyped.then_some("absent");
        let types = self.types.iter().map(AsRef::as_ref);
        types.chain(untyped).collect::<Vec<&str>>().join(" or ")
    }

    /// The first required claim that is missing. `client_id` stands for any claim that may name the client.
    pub(crate) fn missing_claim(&self, claims: &Claims<'_>) -> Option<&ClaimPath> {
        let is_missing = |path: &&ClaimPath| {
            if **path == "client_id".into() {
                self.client_id.iter().all(|path| claims.at(path).is_none())
            } else {
                claims.at(path).is_none()
            }
        };
        self.required.iter().find(is_missing)
    }

    /// The claims that may have the id of the client or of the token.
    pub(crate) fn id_claims(&self) -> impl Iterator<Item = &ClaimPath> {
        self.client_id.iter().chain(&self.token_id)
    }

    /// The first condition for access tokens that the token does not meet, and what its claim is.
    pub(crate) fn missing_mark(&self, claims: &Claims<'_>) -> Option<String> {
        let client_id = self.client_id(claims);
        let mut marks = self.marks.iter();
        let mark = marks.find(|mark| !mark.holds(claims, client_id))?;
        let found = mark.paths().next().and_then(|path| claims.at(path));
        let found = match found.map(Claim::as_text) {
            Some(None) => "present and not a text".to_owned(),
            text => quoted(text.flatten(), escape),
        };
        Some(format!("{mark}, but it is {found}"))
    }

    pub(crate) fn client_id<'c>(&self, claims: &'c Claims<'_>) -> Option<&'c str> {
        first_text(&self.client_id, claims)
    }

    pub(crate) fn token_id<'c>(&self, claims: &'c Claims<'_>) -> Option<&'c str> {
        first_text(&self.token_id, claims)
    }

    pub(crate) fn listed_audience_claims(&self) -> impl Iterator<Item = &str> {
        self.audience_claims.iter().map(AsRef::as_ref)
    }

    pub(crate) fn kind(&self, claims: &Claims<'_>) -> PrincipalKind {
        let client_id = self.client_id(claims);
        let holds = |all: &Vec<Condition>| {
            !all.is_empty() && all.iter().all(|it| it.holds(claims, client_id))
        };
        let is_machine = self.machine_if.iter().any(holds);
        match (is_machine, self.user_if.iter().any(holds)) {
            (true, false) => PrincipalKind::Machine,
            (false, true) => PrincipalKind::User,
            _ => PrincipalKind::Unknown,
        }
    }
}

fn first_text<'c>(paths: &[ClaimPath], claims: &'c Claims<'_>) -> Option<&'c str> {
    paths
        .iter()
        .find_map(|path| claims.text_at(path).ok().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p6_typ_ignores_case_and_the_application_prefix() {
        let accepts = |header: &str| {
            Profile::rfc9068().accepts_type(&Header::parse(header.as_bytes()).expect(header))
        };
        for typ in [
            "at+jwt",
            "AT+JWT",
            "application/at+jwt",
            "Application/At+Jwt",
        ] {
            assert!(
                accepts(&format!(r#"{{"alg":"ES256","typ":"{typ}"}}"#)),
                "{typ}"
            );
        }
        for typ in [
            "",
            "JWT",
            "jwt",
            "at+jwt ",
            "application/",
            "application/application/at+jwt",
            "text/at+jwt",
            "dpop+jwt",
        ] {
            assert!(
                !accepts(&format!(r#"{{"alg":"ES256","typ":"{typ}"}}"#)),
                "{typ}"
            );
        }
        assert!(!accepts(r#"{"alg":"ES256"}"#));
    }

    #[test]
    fn o1_contradictory_or_missing_marks_are_of_unknown_kind() {
        let profile = Profile::rfc9068().kind_rule(
            vec![vec![Condition::equals("gty", "m2m")]],
            vec![vec![Condition::present("uid")]],
        );
        let empty = Profile::rfc9068().kind_rule(vec![vec![]], vec![]);
        for (profile, json, kind) in [
            (&profile, r#"{"gty":"m2m"}"#, PrincipalKind::Machine),
            (&profile, r#"{"uid":"u"}"#, PrincipalKind::User),
            (
                &profile,
                r#"{"gty":"m2m","uid":null}"#,
                PrincipalKind::Unknown,
            ),
            (&profile, "{}", PrincipalKind::Unknown),
            (&empty, "{}", PrincipalKind::Unknown),
        ] {
            let claims = Claims::parse(json.as_bytes()).expect("parses");
            assert_eq!(profile.kind(&claims), kind, "{json}");
        }
    }
}
