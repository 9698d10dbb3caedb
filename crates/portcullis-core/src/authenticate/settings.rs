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
    pub(super) fn second_layer(&self) -> Refusal {
        let refusal = Refusal::misconfigured(
            "two AuthenticateLayers stand one behind the other: keep the outer one, and use guards inside it",
        );
        refusal.with_fallback_log(self.schemes.log())
    }

    pub(super) fn refusal(&self, failure: Failure, index: usize) -> Refusal {
        Refusal::new(failure, &self.schemes.challenges, index)
    }

    /// Strips the credential and adds the caller to the request.
    pub(super) fn accept<B>(&self, request: &mut Request<B>, principal: Principal, index: usize) {
        if let Some(name) = self.schemes.header(index) {
            let headers = request.headers_mut();
            if !self.keep_credentials {
                headers.remove(name);
            } else if let Some(credential) = headers.get_mut(name) {
                // `Debug` of the headers then hides it, and HPACK does not index it.
                credential.set_sensitive(true);
            }
        }
        let authentication = Authentication::Authenticated(principal);
        request.extensions_mut().insert(authentication);
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
