//! What a scheme sees of a request.

use std::{fmt, net::SocketAddr};

use http::{Extensions, HeaderMap, Method, Request, Uri};

use crate::{facts::FactFinders, log::escape};

/// A request without its body. `Debug` shows the method, the path and the header names, each through
/// [`escape`](crate::log::escape): header values and the query may hold secrets.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target as this layer sees it.
    pub uri: &'a Uri,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// The extensions.
    pub extensions: &'a Extensions,
    finders: &'a FactFinders,
}

impl<'a> Head<'a> {
    /// The head of a request, for calling a scheme directly.
    pub fn new<B>(request: &'a Request<B>, finders: &'a FactFinders) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
            finders,
        }
    }

    /// The peer's address, if [`FactFinders`] find it.
    pub fn peer_address(&self) -> Option<SocketAddr> {
        (self.finders.peer_address)(self.extensions)
    }

    /// The target as the client sent it, if [`FactFinders`] find it.
    pub fn original_target(&self) -> Option<&'a Uri> {
        (self.finders.original_target)(self.extensions)
    }

    /// The route that matched, if [`FactFinders`] find it.
    pub fn route_template(&self) -> Option<&'a str> {
        (self.finders.route_template)(self.extensions)
    }
}

impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.headers.keys().map(|name| escape(name.as_str()));
        let names: Vec<_> = names.collect();
        f.debug_struct("Head")
            .field("method", &format_args!("{}", escape(self.method.as_str())))
            .field("path", &format_args!("{}", escape(self.uri.path())))
            .field("header_names", &format_args!("{}", names.join(" ")))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let key = "acme_4fxq0zbt9klm_9zr3mwq8tfl2xvb7nc5ky1jd0ph4abcdef";
        let request = Request::builder()
            .method(key)
            .uri(format!("/orders/{key}?access_token=in-the-query"))
            .header("authorization", "Bearer in-a-header")
            .header("x-api-key", "in-another")
            .header(key, "")
            .body(())
            .expect("a request");
        let shown = format!("{:?}", Head::new(&request, &FactFinders::default()));
        for secret in ["in-the-query", "in-a-header", "in-another", "9zr3"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(
            shown.contains("/orders") && shown.contains("x-api-key"),
            "{shown}"
        );
    }
}
