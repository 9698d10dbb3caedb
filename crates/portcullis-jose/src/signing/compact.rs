//! The compact serialization (RFC 7515 §7.1).

use serde::Serialize;
use serde_json::Value;

use super::{SignError, SigningKey};
use crate::base64url;

/// The members of a header that are needed here (RFC 7515 §4.1).
#[derive(Serialize)]
pub(super) struct Header<'h> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) typ: Option<&'h str>,
    pub(super) alg: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kid: Option<&'h str>,
    #[serde(rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    pub(super) x5t_s256: Option<&'h str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jwk: Option<&'h Value>,
}

pub(super) fn sign(
    key: &SigningKey,
    header: &Header<'_>,
    claims: &impl Serialize,
) -> Result<String, SignError> {
    let header = serde_json::to_vec(header).map_err(SignError::Claims)?;
    let claims = serde_json::to_vec(claims).map_err(SignError::Claims)?;
    if !claims.starts_with(b"{") {
        return Err(SignError::ClaimsNotAnObject);
    }
    let mut token = base64url::encode(&header);
    token.push('.');
    token.push_str(&base64url::encode(&claims));
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    token.push_str(&base64url::encode(&signature));
    Ok(token)
}
