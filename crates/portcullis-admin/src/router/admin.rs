//! Builds the router.

use std::{fmt, sync::Arc};

use axum::{
    Router,
    handler::Handler,
    middleware::{from_fn, map_response},
    routing::{get, post},
};
use http::StatusCode;
use portcullis_api_key::{ApiKeys, KeyManager};
use portcullis_core::{
    AuthenticateLayer, ConfigError, RequireScopeLayer,
    clock::{SharedClock, system_clock},
};

use crate::router::{
    guard::{forbid_storing, refuse_cross_site},
    problem::Problem,
    routes,
    scopes::{ADMIN_KEYS, INTROSPECT_KEYS, READ_KEYS, WRITE_KEYS},
};

/// Builds a [`Router`] for managing the keys of a store. Nest it where you like.
#[must_use]
pub struct KeyAdmin {
    admin: Admin,
    authenticate: Option<AuthenticateLayer>,
    introspection: Option<ApiKeys>,
}

/// What the routes share.
pub(crate) struct Admin {
    pub(crate) manager: Arc<dyn KeyManager>,
    pub(crate) clock: SharedClock,
    /// Whether the route `/introspect` exists.
    pub(crate) introspects: bool,
}

impl KeyAdmin {
    /// Manages the keys of a store.
    pub fn new(manager: Arc<dyn KeyManager>) -> Self {
        Self {
            admin: Admin {
                manager,
                clock: system_clock(),
                introspects: false,
            },
            authenticate: None,
            introspection: None,
        }
    }

    /// Authenticates the callers of the guarded routes by `layer`, and leaves the description and the page public. Nest the
    /// router outside of any other [`AuthenticateLayer`].
    ///
    /// Without it, an [`optional`](AuthenticateLayer::optional) layer must be in front. A layer that is not optional makes the
    /// description and the page ask for a credential too. Without any layer, the guarded routes answer 500.
    pub fn authenticate(mut self, layer: AuthenticateLayer) -> Self {
        self.authenticate = Some(layer);
        self
    }

    /// Adds the route `/introspect`, by which services without the store check keys (RFC 7662). Its callers need the scope
    /// `keys:introspect`. `keys` is the scheme that checks the keys of requests.
    pub fn introspection(mut self, keys: ApiKeys) -> Self {
        self.introspection = Some(keys);
        self
    }

    /// Sets the clock that says whether a key has expired; the system's by default.
    pub fn clock(mut self, clock: SharedClock) -> Self {
        self.admin.clock = clock;
        self
    }

    /// Builds the router.
    ///
    /// # Errors
    ///
    /// When a setting cannot be used.
    pub fn build(mut self) -> Result<Router, ConfigError> {
        let read = RequireScopeLayer::any([READ_KEYS, ADMIN_KEYS]);
        let write = RequireScopeLayer::any([WRITE_KEYS, ADMIN_KEYS]);
        let list = routes::list.layer(read.clone());
        let create = routes::create.layer(write.clone());
        let mut guarded = Router::new()
            .route("/", get(list).post(create))
            .route("/{id}", get(routes::show.layer(read)))
            .route("/{id}/rotate", post(routes::rotate.layer(write.clone())))
            .route("/{id}/revoke", post(routes::revoke.layer(write)));
        if let Some(keys) = self.introspection {
            self.admin.introspects = true;
            let introspect = move |headers, body| routes::introspect(keys.clone(), headers, body);
            let guard = RequireScopeLayer::any([INTROSPECT_KEYS, ADMIN_KEYS]);
            guarded = guarded.route("/introspect", post(introspect.layer(guard)));
        }
        if let Some(layer) = self.authenticate {
            guarded = guarded.route_layer(layer);
        }
        Ok(guarded
            .route("/openapi.json", get(routes::description))
            .method_not_allowed_fallback(async || {
                Problem::new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "use a method that `Allow` names",
                )
            })
            .fallback(async || Problem::new(StatusCode::NOT_FOUND, "there is nothing here"))
            .layer(from_fn(refuse_cross_site))
            .layer(map_response(forbid_storing))
            .with_state(Arc::new(self.admin)))
    }
}

impl fmt::Debug for KeyAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyAdmin")
            .field("authenticate", &self.authenticate)
            .finish_non_exhaustive()
    }
}
