use std::net::SocketAddr;

use axum::extract::{
    MatchedPath, OriginalUri,
    connect_info::{ConnectInfo, MockConnectInfo},
};
use portcullis_core::facts::FactFinders;

/// Finds the facts of a request in axum's extensions, for
/// [`AuthenticateLayer::fact_finders`](portcullis_core::AuthenticateLayer::fact_finders).
///
/// The peer's address needs `Router::into_make_service_with_connect_info::<SocketAddr>()`, or in tests a
/// `MockConnectInfo<SocketAddr>`.
pub fn fact_finders() -> FactFinders {
    let mut finders = FactFinders::default();
    finders.peer_address = |extensions| {
        let real = || Some(extensions.get::<ConnectInfo<SocketAddr>>()?.0);
        let mocked = || Some(extensions.get::<MockConnectInfo<SocketAddr>>()?.0);
        real().or_else(mocked)
    };
    finders.original_target = |extensions| Some(&extensions.get::<OriginalUri>()?.0);
    finders.route_template = |extensions| Some(extensions.get::<MatchedPath>()?.as_str());
    finders
}
