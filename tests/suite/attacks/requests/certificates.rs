//! Headers that claim a client certificate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_test::SigningAlgorithm::ES256;
use serde_json::json;

use crate::attacks::case::Cases;
use crate::attacks::world::{World, stranger};

pub(super) fn cases(world: &World, cases: &mut Cases) {
    let mut item = cases.item(
        "forged client-certificate headers",
        "forged client-certificate headers",
    );
    // No proxy is trusted, so the value does not have to be a certificate.
    let der = STANDARD.encode(stranger(ES256).public_der());
    let pem = stranger(ES256)
        .public_pem()
        .replace("PUBLIC KEY", "CERTIFICATE");
    let escaped = pem.replace('\n', "%0A").replace(' ', "%20");
    let bound = world
        .token()
        .claim("cnf", json!({ "x5t#S256": stranger(ES256).thumbprint() }))
        .mint();
    let headers = [
        ("Client-Cert", format!(":{der}:")),
        ("Client-Cert-Chain", format!(":{der}:")),
        (
            "X-Forwarded-Client-Cert",
            format!(
                "Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688;Cert=\"{escaped}\";Subject=\"CN=admin\""
            ),
        ),
        ("X-SSL-Client-Cert", escaped.clone()),
        ("X-SSL-Client-Verify", "SUCCESS".to_owned()),
        ("X-SSL-Client-S-DN", "CN=admin".to_owned()),
        ("SSL_CLIENT_CERT", escaped.clone()),
        ("SSL-Client-Cert", escaped.clone()),
        ("X-Client-Cert", der.clone()),
        ("X-ARR-ClientCert", der.clone()),
        ("X-Amzn-Mtls-Clientcert", escaped.clone()),
        ("X-Amzn-Mtls-Clientcert-Leaf", escaped),
        ("X-Client-Certificate", der),
        ("X-Remote-User", "admin".to_owned()),
    ];
    for (name, value) in &headers {
        item.headers(format!("{name} alone"), [(*name, value.clone())]);
        item.headers(
            format!("{name} beside a bound token"),
            [
                (*name, value.clone()),
                ("authorization", format!("Bearer {bound}")),
            ],
        );
        item.headers(
            format!("{name} beside a bad token"),
            [
                (*name, value.clone()),
                ("authorization", "Bearer bad".to_owned()),
            ],
        );
    }
    item.headers(
        "all of them",
        headers
            .iter()
            .map(|(name, value)| (*name, value.clone()))
            .collect::<Vec<_>>(),
    );
}
