use std::net::SocketAddr;

use axum::extract::{ConnectInfo, MatchedPath, OriginalUri};
use portcullis_core::Facts;

/// Where axum keeps the facts of a request, for [`AuthenticateLayer::facts`](portcullis_core::AuthenticateLayer::facts).
///
/// The peer's address needs `Router::into_make_service_with_connect_info::<SocketAddr>()`.
#[must_use]
pub fn facts() -> Facts {
    Facts::new()
        .peer_address(|extensions| {
            extensions
                .get::<ConnectInfo<SocketAddr>>()
                .map(|info| info.0)
        })
        .original_target(|extensions| extensions.get::<OriginalUri>().map(|original| &original.0))
        .route_template(|extensions| extensions.get::<MatchedPath>().map(MatchedPath::as_str))
}
