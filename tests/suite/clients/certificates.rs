//! Client certificates, and their metadata for a server (RFC 8705 §2).

use portcullis_client::ClientCertificate;
use serde_json::{Value, json};

/// Two certificates for `billing.example`, issued by an authority that the server trusts.
pub(crate) const BILLING: [(&str, &str); 2] = [
    (
        include_str!("../../../crates/portcullis-remote/tests/remote/certificates/client-1.pem"),
        include_str!("../../../crates/portcullis-remote/tests/remote/certificates/client-1.key"),
    ),
    (
        include_str!("../../../crates/portcullis-remote/tests/remote/certificates/client-2.pem"),
        include_str!("../../../crates/portcullis-remote/tests/remote/certificates/client-2.key"),
    ),
];
/// A self-signed certificate, made by `openssl req -x509`.
pub(crate) const SELF_SIGNED: (&str, &str) = (
    include_str!("../../certificates/self-signed.pem"),
    include_str!("../../certificates/self-signed.key"),
);
/// The public key with the certificate in `x5c`, for the registration at a server (RFC 8705 §2.2.2).
const SELF_SIGNED_JWK: &str = include_str!("../../certificates/self-signed.jwk");

pub(crate) fn certificate((certificate, key): (&str, &str)) -> ClientCertificate {
    ClientCertificate::new(certificate, key)
}

pub(crate) fn by_authority(id: &str) -> Value {
    json!({
        "client_id": id,
        "token_endpoint_auth_method": "tls_client_auth",
        "tls_client_auth_san_dns": "billing.example",
    })
}

pub(crate) fn by_itself(id: &str) -> Value {
    let jwk: Value = serde_json::from_str(SELF_SIGNED_JWK).expect("a JWK");
    json!({
        "client_id": id,
        "token_endpoint_auth_method": "self_signed_tls_client_auth",
        "jwks": { "keys": [jwk] },
    })
}
