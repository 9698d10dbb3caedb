//! The settings of the layer, and what a service does with a verdict.

use std::{fmt, sync::Arc};

use http::Request;

use crate::{
    authentication::Authentication,
    facts::FactFinders,
    failure::Failure,
    principal::Principal,
    refusal::{Refusal, Renderer},
    schemes::Schemes,
};

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) schemes: Arc<Schemes>,
    pub(super) optional: bool,
    pub(super) keep_credentials: bool,
    pub(super) fact_finders: FactFinders,
    pub(super) renderer: Option<Renderer>,
}

impl Settings {
    #[cold]
    pub(super) fn second_layer_refusal(&self) -> Refusal {
        let refusal = Refusal::misconfigured(
            "two AuthenticateLayers stand one behind the other: keep the outer one, and use guards inside it",
        );
        refusal.with_fallback_log(self.schemes.log())
    }

    /// On success, strips the credential and inserts the caller into the request. On failure, makes the refusal.
    #[inline]
    pub(super) fn accept<B>(
        &self,
        verdict: Result<Principal, Failure>,
        scheme_index: usize,
        request: &mut Request<B>,
    ) -> Result<(), Refusal> {
        let principal = verdict
            .map_err(|failure| Refusal::new(failure, &self.schemes.challenges, scheme_index))?;
        if let Some(name) = self.schemes.header(scheme_index) {
            let headers = request.headers_mut();
            if !self.keep_credentials {
                headers.remove(name);
            } else if let Some(credential) = headers.get_mut(name) {
                // `Debug` of the headers then hides the credential, and HPACK does not index it.
                credential.set_sensitive(true);
            }
        }
        let authentication = Authentication::Authenticated(principal);
        request.extensions_mut().insert(authentication);
        Ok(())
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("schemes", &self.schemes)
            .field("optional", &self.optional)
            .field("keep_credentials", &self.keep_credentials)
            .finish_non_exhaustive()
    }
}
