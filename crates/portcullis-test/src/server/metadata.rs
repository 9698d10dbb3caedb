//! The metadata documents.

use serde_json::{Value, json};

use super::{paths, token_endpoint::TOKEN_EXCHANGE};
use crate::state::State;

/// RFC 8414 §2, and the members of OpenID Connect Discovery §3 that make sense without users.
pub(super) fn metadata(state: &State, is_oauth: bool) -> Value {
    let variable = state.variable();
    let mut metadata = json!({
        "issuer": state.issuer(),
        "jwks_uri": state.under_prefix(paths::JWKS),
        "token_endpoint": state.under_prefix(paths::TOKEN),
        "revocation_endpoint": state.under_prefix(paths::REVOCATION),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "grant_types_supported": ["client_credentials", TOKEN_EXCHANGE],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [variable.signing.algorithm().as_str()],
    });
    if let Some(members) = metadata.as_object_mut() {
        for (member, value) in &variable.metadata {
            match value {
                Some(value) => members.insert(member.clone(), value.clone()),
                None => members.remove(member),
            };
        }
        if is_oauth {
            members.extend(variable.oauth_metadata.clone());
        }
    }
    metadata
}
