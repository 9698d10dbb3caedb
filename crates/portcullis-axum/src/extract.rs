use std::{fmt, marker::PhantomData, ops::Deref};

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use portcullis_core::{Authentication, Principal as Caller, Refusal, ScopeRequirement};

use crate::Rejection;

/// The caller, in a handler's signature. It derefs to [`portcullis_core::Principal`].
///
/// `Option<Principal>` is `None` for an anonymous caller behind an
/// [`optional`](portcullis_core::AuthenticateLayer::optional) layer.
#[derive(Clone, Debug)]
pub struct Principal(pub Caller);

impl Deref for Principal {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl From<Principal> for Caller {
    fn from(principal: Principal) -> Self {
        principal.0
    }
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        required(parts).map(|caller| Self(caller.clone()))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Principal {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        Ok(optional(parts)?.map(|caller| Self(caller.clone())))
    }
}

/// A caller that was granted the scopes of `R`: one type declared with [`scope!`](portcullis_core::scope), or a tuple
/// of them, all of which are needed.
///
/// The second field cannot be made anywhere else, so a function that takes a [`Proof<R>`](Proof) cannot be reached
/// without the check. `Option<Scoped<R>>` is `None` for an anonymous caller; a known caller who lacks a scope gets 403
/// all the same.
pub struct Scoped<R>(pub Caller, pub Proof<R>);

/// Proof that the caller of this request was granted the scopes of `R`. Only [`Scoped`] makes one.
pub struct Proof<R>(PhantomData<fn() -> R>);

impl<R: ScopeRequirement> Scoped<R> {
    fn check(caller: &Caller) -> Result<Self, Refusal> {
        if R::is_satisfied_by(caller.scopes()) {
            Ok(Self(caller.clone(), Proof(PhantomData)))
        } else {
            Err(caller.lacks(&R::policy()))
        }
    }
}

impl<R: ScopeRequirement, S: Sync> FromRequestParts<S> for Scoped<R> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Self::check(required(parts)?).map_err(|refusal| Rejection::new(refusal, parts))
    }
}

impl<R: ScopeRequirement, S: Sync> OptionalFromRequestParts<S> for Scoped<R> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        let Some(caller) = optional(parts)? else {
            return Ok(None);
        };
        Self::check(caller)
            .map(Some)
            .map_err(|refusal| Rejection::new(refusal, parts))
    }
}

fn required(parts: &Parts) -> Result<&Caller, Rejection> {
    Authentication::require(&parts.extensions).map_err(|refusal| Rejection::new(refusal, parts))
}

fn optional(parts: &Parts) -> Result<Option<&Caller>, Rejection> {
    Authentication::of(&parts.extensions)
        .map(Authentication::principal)
        .map_err(|refusal| Rejection::new(refusal, parts))
}

impl<R> fmt::Debug for Scoped<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scoped").field(&self.0).finish()
    }
}

impl<R> fmt::Debug for Proof<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof")
    }
}
