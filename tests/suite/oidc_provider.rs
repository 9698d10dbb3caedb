//! With npm's oidc-provider, an independent authorization server.

mod certificates;
mod clients;
mod dpop;
mod flow;
mod rotation;
mod tokens;

use portcullis_tests::{OidcProvider, Service};

const ORDERS: &str = "https://orders.example.com";
const BILLING: &str = "https://billing.example.com";
const ALGORITHMS: [&str; 7] = [
    "RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
];

async fn orders_api(provider: &OidcProvider) -> Service {
    Service::spawn("orders-api", &["--issuer", provider.issuer()]).await
}
