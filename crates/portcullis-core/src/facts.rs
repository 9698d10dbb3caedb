//! What schemes and logs need to know of a request, and frameworks keep in different places.

use std::net::SocketAddr;

use http::{Extensions, Uri};

/// The address of the peer on the connection. Insert it in a request's extensions where no framework does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// The target as the client sent it: inside a nested router, a layer sees a shortened one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalTarget(pub Uri);

/// The route that matched, as it was declared: `/orders/{id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTemplate(pub String);

/// Where to find the facts of a request: function pointers over its extensions.
///
/// The default reads this crate's own types, which any hyper service can insert. `portcullis-axum` has a preset for
/// axum; for tonic, point [`peer_address`](Self::peer_address) at its connect info:
///
/// ```
/// # use portcullis_core::facts::Facts;
/// # #[derive(Clone)] struct TcpConnectInfo; // tonic::transport::server::TcpConnectInfo
/// # impl TcpConnectInfo { fn remote_addr(&self) -> Option<std::net::SocketAddr> { None } }
/// let facts = Facts::new().peer_address(|extensions| extensions.get::<TcpConnectInfo>()?.remote_addr());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    peer_address: fn(&Extensions) -> Option<SocketAddr>,
    original_target: fn(&Extensions) -> Option<&Uri>,
    route_template: fn(&Extensions) -> Option<&str>,
}

impl Facts {
    /// Reads [`PeerAddress`], [`OriginalTarget`] and [`RouteTemplate`] from the extensions.
    #[must_use]
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

    /// Says where the peer's address is.
    #[must_use]
    pub fn peer_address(mut self, find: fn(&Extensions) -> Option<SocketAddr>) -> Self {
        self.peer_address = find;
        self
    }

    /// Says where the original target is.
    #[must_use]
    pub fn original_target(mut self, find: fn(&Extensions) -> Option<&Uri>) -> Self {
        self.original_target = find;
        self
    }

    /// Says where the matched route is.
    #[must_use]
    pub fn route_template(mut self, find: fn(&Extensions) -> Option<&str>) -> Self {
        self.route_template = find;
        self
    }

    pub(crate) fn find_peer_address(&self, extensions: &Extensions) -> Option<SocketAddr> {
        (self.peer_address)(extensions)
    }

    pub(crate) fn find_original_target<'e>(&self, extensions: &'e Extensions) -> Option<&'e Uri> {
        (self.original_target)(extensions)
    }

    pub(crate) fn find_route_template<'e>(&self, extensions: &'e Extensions) -> Option<&'e str> {
        (self.route_template)(extensions)
    }
}

impl Default for Facts {
    fn default() -> Self {
        Self::new()
    }
}
