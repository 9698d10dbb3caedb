use std::{marker::PhantomData, ops::Deref};

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use portcullis_core::{Authentication, Principal, ScopeRequirement};

use crate::Rejection;

/// The authenticated caller, as an extractor. It derefs to [`Principal`].
///
/// `Option<Caller>` is `None` for an anonymous caller behind an
/// [`optional`](portcullis_core::AuthenticateLayer::optional) layer.
#[derive(Clone, Debug)]
pub struct Caller(pub Principal);

impl Deref for Caller {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        match Authentication::require(&parts.extensions) {
            Ok(principal) => Ok(Self(principal.clone())),
            Err(refusal) => Err(Rejection::new(refusal, parts)),
        }
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        match Authentication::of(&parts.extensions) {
            Ok(authentication) => Ok(authentication.principal().cloned().map(Self)),
            Err(refusal) => Err(Rejection::new(refusal, parts)),
        }
    }
}

/// A caller that was granted the scopes of `R`: a type declared with [`scope!`](portcullis_core::scope), or a tuple of
/// such types, all of which are required.
///
/// Only this extractor makes a [`Proof<R>`](Proof), so a function that takes one cannot be called without the check.
/// `Option<Scoped<R>>` is `None` for an anonymous caller; an authenticated caller that lacks a scope gets 403.
#[derive(Debug)]
pub struct Scoped<R>(pub Principal, pub Proof<R>);

/// Proof that the caller of this request was granted the scopes of `R`. Only [`Scoped`] makes one.
#[derive(Debug)]
pub struct Proof<R>(PhantomData<fn() -> R>);

impl<R: ScopeRequirement> Scoped<R> {
    fn check(Caller(principal): Caller, parts: &Parts) -> Result<Self, Rejection> {
        match principal.require::<R>() {
            Ok(()) => Ok(Self(principal, Proof(PhantomData))),
            Err(refusal) => Err(Rejection::new(refusal, parts)),
        }
    }
}

impl<R: ScopeRequirement, S: Sync> FromRequestParts<S> for Scoped<R> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let caller = <Caller as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        Self::check(caller, parts)
    }
}

impl<R: ScopeRequirement, S: Sync> OptionalFromRequestParts<S> for Scoped<R> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Rejection> {
        let caller = <Caller as OptionalFromRequestParts<S>>::from_request_parts(parts, state);
        let caller = caller.await?;
        caller.map(|caller| Self::check(caller, parts)).transpose()
    }
}
