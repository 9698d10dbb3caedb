//! The presets by name.

use std::str::FromStr;

use super::Profile;

impl Profile {
    /// The names of the presets, each that of its function. `rfc9068` is the default.
    pub const NAMES: [&str; 7] = [
        "rfc9068", "auth0", "cognito", "entra_id", "keycloak", "logto", "okta",
    ];
}

/// Reads the name of a preset, as in [`Profile::NAMES`]. `strict` is another name for `rfc9068`, and `entra` and
/// `entra-id` are for `entra_id`.
impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        Ok(match name {
            "rfc9068" | "strict" => Self::rfc9068(),
            "auth0" => Self::auth0(),
            "cognito" => Self::cognito(),
            "entra_id" | "entra-id" | "entra" => Self::entra_id(),
            "keycloak" => Self::keycloak(),
            "logto" => Self::logto(),
            "okta" => Self::okta(),
            _ => return Err(UnknownProfile),
        })
    }
}

/// The error for an unknown name of a preset. The message lists the presets.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown profile; expected one of {}", Profile::NAMES.join(", "))]
#[non_exhaustive]
pub struct UnknownProfile;

portcullis_core::debug_as_report!(UnknownProfile);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_is_parsed_from_its_name() {
        for name in Profile::NAMES {
            let profile: Profile = name.parse().expect(name);
            assert_eq!(profile.name(), name);
        }
        for (alias, name) in [
            ("strict", "rfc9068"),
            ("entra", "entra_id"),
            ("entra-id", "entra_id"),
        ] {
            assert_eq!(alias.parse::<Profile>().expect(alias).name(), name);
        }
        for unknown in ["", "Keycloak", "oidc"] {
            let error = unknown.parse::<Profile>().expect_err(unknown);
            assert!(error.to_string().contains("keycloak"), "{error}");
        }
    }
}
