use std::net::SocketAddr;

use axum::extract::{
    MatchedPath, OriginalUri,
    connect_info::{ConnectInfo, MockConnectInfo},
};
use portcullis_core::facts::Facts;

/// Reads the facts of a request from axum's extensions, for
/// [`AuthenticateLayer::facts`](portcullis_core::AuthenticateLayer::facts).
///
/// The peer's address needs `Router::into_make_service_with_connect_info::<SocketAddr>()`, or in tests a
/// `MockConnectInfo<SocketAddr>`.
pub fn facts() -> Facts {
    let mut facts = Facts::default();
    facts.peer_address = |extensions| {
        let real = || Some(extensions.get::<ConnectInfo<SocketAddr>>()?.0);
        let mocked = || Some(extensions.get::<MockConnectInfo<SocketAddr>>()?.0);
        real().or_else(mocked)
    };
    facts.original_target = |extensions| Some(&extensions.get::<OriginalUri>()?.0);
    facts.route_template = |extensions| Some(extensions.get::<MatchedPath>()?.as_str());
    facts
}
