//! The services under load: one process and one thread each.

use std::{
    error::Error,
    io::{Read, stdin},
    process::exit,
    thread,
};

use axum::{Router, routing::get};
use portcullis_core::AuthenticateLayer;
use portcullis_jose::Algorithm;
use portcullis_jwt::Bearer;
use portcullis_remote::{HttpSettings, Issuer};
use portcullis_test::DEFAULT_AUDIENCE;
use tokio::net::TcpListener;
use tower_oauth2_resource_server::{server::OAuth2ResourceServer, tenant::TenantConfiguration};

/// The services, the bare one first.
pub(crate) const KINDS: [&str; 3] = ["bare", "portcullis", "tower-oauth2-resource-server"];

/// Serves until standard input is closed. Prints the port.
pub(crate) fn serve(kind: &str, issuer: &str, algorithm: &str) -> Result<(), Box<dyn Error>> {
    thread::spawn(|| {
        stdin().read_to_end(&mut Vec::new()).ok();
        exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let routes = Router::new().route("/orders", get(async || "the orders\n"));
        let routes = match kind {
            "portcullis" => routes.route_layer(suite(issuer, algorithm).await?),
            "tower-oauth2-resource-server" => {
                routes.route_layer(rival(issuer, algorithm).await?.into_layer())
            }
            _ => routes,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?.port());
        axum::serve(listener, routes).await?;
        Ok(())
    })
}

/// Keys by discovery, and every default.
async fn suite(issuer: &str, algorithm: &str) -> Result<AuthenticateLayer, Box<dyn Error>> {
    let issuer = Issuer::discover(issuer)
        .http(HttpSettings::default().dangerous_allow_http())
        .start()
        .await?;
    let bearer = Bearer::jwt(&issuer)
        .audience(DEFAULT_AUDIENCE)
        .algorithms([algorithm.parse::<Algorithm>()?])
        .build()?;
    Ok(AuthenticateLayer::new(bearer))
}

/// Keys by discovery, and every default but the one algorithm.
async fn rival(issuer: &str, algorithm: &str) -> Result<OAuth2ResourceServer, Box<dyn Error>> {
    let tenant = TenantConfiguration::builder(issuer)
        .audiences(&[DEFAULT_AUDIENCE])
        .allowed_algorithms(&[algorithm.parse()?])
        .build()
        .await?;
    let server = <OAuth2ResourceServer>::builder().add_tenant(tenant);
    Ok(server.build().await?)
}
