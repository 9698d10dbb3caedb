use std::sync::Arc;

use tower_layer::Layer;

use super::{service::Authenticate, settings::Settings};
use crate::{
    error::ConfigError,
    facts::FactFinders,
    refusal::{Refusal, RenderedBody},
    scheme::Scheme,
    schemes::Schemes,
};

/// Authenticates every request. Requests that pass carry an [`Authentication`](crate::Authentication).
///
/// By default, a request without credentials is answered with 401, and the credential is stripped before the request is
/// passed on, so that it does not reach logs or other services.
///
/// In axum, add it by `Router::route_layer`: it wraps the routes added so far but not the fallback, so that an unknown path
/// stays 404. Use `Router::layer` where a fallback serves something. CORS goes *outside*, since a preflight `OPTIONS` has
/// no credentials. Guards go inside.
///
/// ```
/// use portcullis_core::{AuthenticateLayer, RequireScopeLayer, Scope, scheme::Scheme};
/// use tower::ServiceBuilder;
///
/// const READ: Scope = Scope::from_static("orders:read");
///
/// # fn f(scheme: impl Scheme) {
/// let service = ServiceBuilder::new()
///     .layer(AuthenticateLayer::new(scheme)) // outermost: first to see a request
///     .layer(RequireScopeLayer::all([READ]))
///     .service_fn(async |_request: http::Request<String>| {
///         Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
///     });
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct AuthenticateLayer(Arc<Settings>);

impl AuthenticateLayer {
    /// Authenticates by one scheme.
    #[expect(clippy::missing_panics_doc, reason = "it never panics")]
    pub fn new(scheme: impl Scheme) -> Self {
        Self::any_of((scheme,)).expect("one scheme cannot overlap another")
    }

    /// Authenticates by several schemes. Each caller uses one of them. `schemes` is a tuple, or a `Vec<Arc<dyn Scheme>>` if the
    /// schemes are known only at run time.
    ///
    /// # Errors
    ///
    /// When there is no scheme, or two would read the same credential.
    pub fn any_of(schemes: impl IntoSchemes) -> Result<Self, ConfigError> {
        Ok(Self(Arc::new(Settings {
            schemes: Arc::new(Schemes::new(schemes.into_schemes())?),
            optional: false,
            keep_credentials: false,
            fact_finders: FactFinders::default(),
            renderer: None,
        })))
    }

    /// Lets requests without credentials pass as anonymous. Guards inside still refuse anonymous requests, and this layer
    /// still refuses a bad credential. A request whose credential no configured scheme reads, such as `Basic` where only
    /// `Bearer` is offered, counts as anonymous (RFC 6750 §3.1), and its credential is not stripped.
    pub fn optional(self) -> Self {
        self.with(|settings| settings.optional = true)
    }

    /// Passes the credential on with the request, marked as sensitive: for a proxy whose upstream checks it again.
    /// Default: stripped.
    pub fn keep_credentials(self) -> Self {
        self.with(|settings| settings.keep_credentials = true)
    }

    /// Sets the functions that find facts about a request in its extensions. Default: [`FactFinders::default`].
    ///
    /// Schemes may use the facts. The log of refusals uses the original target: it shows the path as the client sent it,
    /// also for refusals of guards and extractors inside this layer. Inside axum's `Router::nest`, this layer itself sees
    /// the path without the prefix of the router.
    pub fn fact_finders(self, finders: FactFinders) -> Self {
        for challenge in &self.0.schemes.challenges {
            challenge.log().set_fact_finders(finders);
        }
        self.with(|settings| settings.fact_finders = finders)
    }

    /// Replaces the body of every refusal of this layer, and of guards and extractors inside it.
    /// Status and headers stay. Default: problem documents (RFC 9457).
    pub fn render_with(
        self,
        render: impl Fn(&Refusal) -> RenderedBody + Send + Sync + 'static,
    ) -> Self {
        self.with(|settings| settings.renderer = Some(Arc::new(render)))
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

impl<S> Layer<S> for AuthenticateLayer {
    type Service = Authenticate<S>;

    fn layer(&self, inner: S) -> Authenticate<S> {
        Authenticate {
            inner,
            settings: self.0.clone(),
        }
    }
}

/// One or more schemes: a tuple of up to four, or a `Vec`.
pub trait IntoSchemes {
    /// The schemes, in the order in which they are offered.
    fn into_schemes(self) -> Vec<Arc<dyn Scheme>>;
}

impl IntoSchemes for Vec<Arc<dyn Scheme>> {
    fn into_schemes(self) -> Self {
        self
    }
}

macro_rules! impl_into_schemes {
    ($($scheme:ident),+) => {
        impl<$($scheme: Scheme),+> IntoSchemes for ($($scheme,)+) {
            #[expect(non_snake_case, reason = "one name serves as type and variable")]
            fn into_schemes(self) -> Vec<Arc<dyn Scheme>> {
                let ($($scheme,)+) = self;
                vec![$(Arc::new($scheme)),+]
            }
        }
    };
}
impl_into_schemes!(A);
impl_into_schemes!(A, B);
impl_into_schemes!(A, B, C);
impl_into_schemes!(A, B, C, D);
