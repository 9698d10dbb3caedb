use tower_layer::Layer;

use super::service::{Guard, Rule, Settings};

/// Passes only machines: a user's token is refused, whatever its scopes (RFC 9700 §4.15).
///
/// A caller whose credential does not tell what it is gets 403 too. Otherwise it answers as
/// [`RequireScopeLayer`](crate::RequireScopeLayer) does.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequireMachineLayer(());

impl RequireMachineLayer {
    /// The layer. It has no settings.
    #[must_use]
    pub fn new() -> Self {
        Self(())
    }
}

impl<S> Layer<S> for RequireMachineLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard {
            inner,
            settings: Settings::new(Rule::Machine),
        }
    }
}
