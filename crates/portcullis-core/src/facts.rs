//! Facts about a request that frameworks keep in different places.

use std::net::SocketAddr;

use http::{Extensions, Uri};

/// The address of the connection's peer. Insert it in the request's extensions if no framework does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// The target as the client sent it. Inside a nested router, a layer sees the target without the prefix of the router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalTarget(pub Uri);

/// The route that matched, as declared: `/orders/{id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTemplate(pub String);

/// Functions that find the facts of a request in its extensions. The default functions read [`PeerAddress`],
/// [`OriginalTarget`] and [`RouteTemplate`], which any hyper service can insert. `portcullis-axum` has functions for axum.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
#[must_use]
pub struct FactFinders {
    /// Finds the address of the connection's peer.
    pub peer_address: fn(&Extensions) -> Option<SocketAddr>,
    /// Finds the target as the client sent it.
    pub original_target: fn(&Extensions) -> Option<&Uri>,
    /// Finds the route that matched.
    pub route_template: fn(&Extensions) -> Option<&str>,
}

impl Default for FactFinders {
    fn default() -> Self {
        Self {
            peer_address: |extensions| Some(extensions.get::<PeerAddress>()?.0),
            original_target: |extensions| Some(&extensions.get::<OriginalTarget>()?.0),
            route_template: |extensions| Some(&extensions.get::<RouteTemplate>()?.0),
        }
    }
}
