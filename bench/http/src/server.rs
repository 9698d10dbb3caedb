//! A service under load: one process, one thread.

use std::{
    error::Error,
    io::{Read, stdin},
    thread,
};

use axum::{Router, routing::get};
use portcullis_bench_suite::FloorLayer;
use portcullis_core::AuthenticateLayer;
use portcullis_jwt::{Algorithm, Bearer};
use portcullis_remote::{HttpSettings, Issuer};
use tokio::net::TcpListener;
use tower_oauth2_resource_server::{server::OAuth2ResourceServer, tenant::TenantConfiguration};

use crate::service::{Kind, PATH, Service};

/// Serves until the process that started this one closes its standard input, or ends. Prints the port.
pub(crate) fn serve(service: &Service) -> Result<(), Box<dyn Error>> {
    thread::spawn(|| {
        stdin().read_to_end(&mut Vec::new()).ok();
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let routes = Router::new().route(PATH, get(async || "the orders\n"));
        let routes = match service.kind {
            Kind::Bare => routes,
            Kind::Floor => routes.route_layer(floor(service)),
            Kind::Suite => routes.route_layer(suite(service).await?),
            Kind::Rival => routes.route_layer(rival(service).await?.into_layer()),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?.port());
        axum::serve(listener, routes).await?;
        Ok(())
    })
}

fn floor(service: &Service) -> FloorLayer {
    FloorLayer::token(&format!("Bearer {}", service.token))
}

/// As its front page has it: keys by discovery, and every default.
async fn suite(service: &Service) -> Result<AuthenticateLayer, Box<dyn Error>> {
    let issuer = Issuer::discover(&service.issuer)
        .http(HttpSettings::default().dangerous_allow_http())
        .start()
        .await?;
    let bearer = Bearer::jwt(&issuer)
        .audience(&*service.audience)
        .algorithms([service.algorithm.parse::<Algorithm>()?])
        .build()?;
    Ok(AuthenticateLayer::new(bearer))
}

/// As its front page has it: keys by discovery, and every default, but one algorithm as the suite asks for.
async fn rival(service: &Service) -> Result<OAuth2ResourceServer, Box<dyn Error>> {
    let tenant = TenantConfiguration::builder(&service.issuer)
        .audiences(&[&service.audience])
        .allowed_algorithms(&[service.algorithm.parse()?])
        .build()
        .await?;
    Ok(<OAuth2ResourceServer>::builder()
        .add_tenant(tenant)
        .build()
        .await?)
}
