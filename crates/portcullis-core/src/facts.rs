//! Facts about a request that frameworks keep in different places.

use std::net::SocketAddr;

use http::{Extensions, Uri};

/// The address of the connection's peer. Insert it in the request's extensions if no framework does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// The target as the client sent it. Inside a nested router, a layer sees a shortened one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalTarget(pub Uri);

/// The route that matched, as declared: `/orders/{id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTemplate(pub String);

/// Functions that find the facts of a request in its extensions.
///
/// The default reads the types of this module, which any hyper service can insert. `portcullis-axum` has a preset for
/// axum.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Facts {
    pub(crate) peer_address: fn(&Extensions) -> Option<SocketAddr>,
    pub(crate) original_target: fn(&Extensions) -> Option<&Uri>,
    pub(crate) route_template: fn(&Extensions) -> Option<&str>,
}

impl Facts {
    /// Reads [`PeerAddress`], [`OriginalTarget`] and [`RouteTemplate`] from the extensions.
    pub fn new() -> Self {
        Self {
            peer_address: |extensions| extensions.get::<PeerAddress>().map(|found| found.0),
            original_target: |extensions| extensions.get::<OriginalTarget>().map(|found| &found.0),
            route_template: |extensions| {
                extensions
                    .get::<RouteTemplate>()
                    .map(|found| found.0.as_str())
            },
        }
    }

    /// Sets how to find the peer's address.
    pub fn peer_address(mut self, find: fn(&Extensions) -> Option<SocketAddr>) -> Self {
        self.peer_address = find;
        self
    }

    /// Sets how to find the original target.
    pub fn original_target(mut self, find: fn(&Extensions) -> Option<&Uri>) -> Self {
        self.original_target = find;
        self
    }

    /// Sets how to find the matched route.
    pub fn route_template(mut self, find: fn(&Extensions) -> Option<&str>) -> Self {
        self.route_template = find;
        self
    }
}

impl Default for Facts {
    fn default() -> Self {
        Self::new()
    }
}
