//! tonic: the layers around the whole server, or around one service.

use http::{
    HeaderMap,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use hyper::body::Body;
use portcullis_core::{RequireScopeLayer, ScopesByPath};
use tonic::{
    Code, Request, Status,
    metadata::MetadataMap,
    service::LayerExt,
    transport::{Channel, Endpoint, Server as Tonic},
};
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, health_client::HealthClient},
    server::health_reporter,
};
use tower::ServiceBuilder;

use super::{
    cases::{Answer, Case, challenges, table},
    client::{Client, headers, request},
    credentials::{Credentials, READ},
    server::Server,
    timeouts::in_time,
};

const CHECK: &str = "/grpc.health.v1.Health/Check";
const WATCH: &str = "/grpc.health.v1.Health/Watch";

/// Runs a tonic server. A macro, because the bounds of a layered router would be longer than its body.
macro_rules! serve {
    ($router:expr) => {{
        let router = $router;
        $crate::stacks::server::Server::start(|listener, stopped| async {
            let incoming = ::tonic::transport::server::TcpIncoming::from(listener);
            router
                .serve_with_incoming_shutdown(incoming, stopped)
                .await
                .expect("a server that runs");
        })
    }};
}
pub(super) use serve;

#[tokio::test]
async fn tonic_matches_the_case_table() {
    let credentials = Credentials::issue().await;
    let guard = RequireScopeLayer::by_path(ScopesByPath::new().path(CHECK, READ));
    let server = serve!(
        Tonic::builder()
            .layer(credentials.layer())
            .layer(guard.expect("one path"))
            .add_service(health_reporter().1)
    )
    .await;

    let client = connect(&server).await;
    assert_table_over_grpc(client.clone(), &credentials).await;

    // An unlisted method is not open, whether the service has it or not.
    let reader = headers([(AUTHORIZATION, &credentials.token)]);
    assert_eq!(
        watch(client.clone(), reader).await,
        Err(Code::PermissionDenied)
    );
    assert_eq!(
        watch(client, HeaderMap::new()).await,
        Err(Code::Unauthenticated)
    );

    // A refusal is trailers-only for gRPC clients, and an HTTP refusal for others.
    let plain = Client::http2();
    let grpc = headers([(CONTENT_TYPE, "application/grpc")]);
    let mut call = request(&server.url(CHECK), grpc);
    *call.method_mut() = http::Method::POST;
    let response = plain.send(call).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["grpc-status"], "16");
    assert!(response.body().is_end_stream());
    let response = plain.get(&server.url(CHECK), HeaderMap::new()).await;
    assert_eq!(response.status(), 401);
    assert_eq!(challenges(response.headers()), ["Bearer", "ApiKey"]);
}

#[tokio::test]
async fn layered_tonic_service_matches_the_case_table() {
    let credentials = Credentials::issue().await;
    let layers = ServiceBuilder::new()
        .layer(credentials.layer())
        .layer(RequireScopeLayer::all([READ]));
    let guarded = layers.named_layer(health_reporter().1);
    let server = serve!(Tonic::builder().add_service(guarded)).await;

    let client = connect(&server).await;
    assert_table_over_grpc(client.clone(), &credentials).await;
    assert_eq!(
        watch(client, HeaderMap::new()).await,
        Err(Code::Unauthenticated)
    );

    // The layers belong to the service, so an unknown service is unimplemented.
    let elsewhere = Client::http2()
        .get(&server.url("/other.Service/Call"), HeaderMap::new())
        .await;
    assert_eq!(
        elsewhere.headers()["grpc-status"],
        (Code::Unimplemented as i32).to_string()
    );
}

#[tokio::test]
async fn streamed_grpc_messages_arrive_one_by_one() {
    let credentials = Credentials::issue().await;
    let (reporter, health) = health_reporter();
    let guard = RequireScopeLayer::by_path(ScopesByPath::new().path(WATCH, READ).open(CHECK));
    let server = serve!(
        Tonic::builder()
            .layer(credentials.layer())
            .layer(guard.expect("two paths"))
            .add_service(health)
    )
    .await;
    let mut client = connect(&server).await;
    let mut call = health_request(headers([(AUTHORIZATION, &credentials.token)]));
    call.get_mut().service = "orders".to_owned();
    reporter
        .set_service_status("orders", ServingStatus::Serving)
        .await;

    let mut statuses = client
        .watch(call)
        .await
        .expect("an accepted call")
        .into_inner();
    for (status, name) in [
        (ServingStatus::Serving, "SERVING"),
        (ServingStatus::NotServing, "NOT_SERVING"),
        (ServingStatus::Unknown, "UNKNOWN"),
    ] {
        reporter.set_service_status("orders", status).await;
        let message = in_time(statuses.message()).await.expect("a message");
        assert_eq!(message.expect("no end").status().as_str_name(), name);
    }

    // An open path needs no scope, but it needs credentials if the layer requires them.
    let stranger = headers([(AUTHORIZATION, &credentials.stranger_token)]);
    assert_eq!(check(client.clone(), stranger).await, Ok(()));
    assert_eq!(
        check(client, HeaderMap::new()).await,
        Err(Code::Unauthenticated)
    );
}

async fn assert_table_over_grpc(client: HealthClient<Channel>, credentials: &Credentials) {
    for Case {
        name,
        credentials,
        expected,
    } in table(credentials)
    {
        let expected = match expected {
            Answer::Served(_) => Ok(()),
            Answer::Refused(refused) => Err(Code::from(refused.grpc)),
        };
        assert_eq!(check(client.clone(), credentials).await, expected, "{name}");
    }
}

pub(super) async fn connect(server: &Server) -> HealthClient<Channel> {
    let endpoint = Endpoint::from_shared(server.url("")).expect("a URL");
    HealthClient::new(endpoint.connect().await.expect("a connection"))
}

pub(super) async fn check(
    mut client: HealthClient<Channel>,
    metadata: HeaderMap,
) -> Result<(), Code> {
    let answer = client.check(health_request(metadata)).await;
    answer.map(drop).map_err(|status| code(&status))
}

async fn watch(mut client: HealthClient<Channel>, metadata: HeaderMap) -> Result<(), Code> {
    let answer = client.watch(health_request(metadata)).await;
    answer.map(drop).map_err(|status| code(&status))
}

fn health_request(metadata: HeaderMap) -> Request<HealthCheckRequest> {
    let metadata = MetadataMap::from_headers(metadata);
    Request::from_parts(metadata, Default::default(), HealthCheckRequest::default())
}

/// The code of a status with a message.
fn code(status: &Status) -> Code {
    assert!(!status.message().is_empty(), "{status:?}");
    status.code()
}
