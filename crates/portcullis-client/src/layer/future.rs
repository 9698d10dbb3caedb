//! The future of a request that carries a token.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{HeaderMap, Request, Response, StatusCode, header::WWW_AUTHENTICATE};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{AddTokenError, service::add};
use crate::{AccessToken, TokenError, TokenSource};

pin_project! {
    /// The future of [`AddToken`](crate::AddToken).
    #[must_use = "futures do nothing unless polled"]
    pub struct AddTokenFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B>
    where
        S: Service<Request<B>>,
    {
        // The usual case: there was a token.
        Calling { #[pin] future: S::Future, call: Call<S, B> },
        // There is none yet, or the one there was is not valid. Only this case is boxed.
        Waiting { waiting: Box<Waiting<S, B>> },
        Refused { error: Option<AddTokenError<S::Error>> },
    }
}

/// What is needed when the answer is there.
struct Call<S, B> {
    token: AccessToken,
    source: TokenSource,
    again: Option<Again<S, B>>,
}

/// The same request, to be sent once more.
pub(super) struct Again<S, B> {
    pub(super) service: S,
    pub(super) request: Request<B>,
}

/// What is passed on.
type Outcome<S, B> =
    Result<<S as Service<Request<B>>>::Response, AddTokenError<<S as Service<Request<B>>>::Error>>;

struct Waiting<S, B>
where
    S: Service<Request<B>>,
{
    source: TokenSource,
    asked: Pin<Box<dyn Future<Output = Result<AccessToken, TokenError>> + Send>>,
    /// There when the source has answered; gone when the request was sent.
    token: Option<AccessToken>,
    service: S,
    request: Option<Request<B>>,
    again: Option<Request<B>>,
    /// What the service answered to the token before this one: passed on if there is no other.
    refusal: Option<S::Response>,
}

impl<S, B> AddTokenFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) fn refused(error: AddTokenError<S::Error>) -> Self {
        let error = Some(error);
        Self {
            state: State::Refused { error },
        }
    }

    pub(super) fn calling(
        future: S::Future,
        token: AccessToken,
        source: TokenSource,
        again: Option<Again<S, B>>,
    ) -> Self {
        let call = Call {
            token,
            source,
            again,
        };
        Self {
            state: State::Calling { future, call },
        }
    }

    pub(super) fn waiting(
        source: TokenSource,
        service: S,
        request: Request<B>,
        again: Option<Request<B>>,
    ) -> Self {
        let waiting = Waiting::new(source, service, request, again, None);
        Self {
            state: State::Waiting { waiting },
        }
    }
}

impl<S, B> Waiting<S, B>
where
    S: Service<Request<B>>,
{
    fn new(
        source: TokenSource,
        service: S,
        request: Request<B>,
        again: Option<Request<B>>,
        refusal: Option<S::Response>,
    ) -> Box<Self> {
        let asking = source.clone();
        Box::new(Self {
            source,
            asked: Box::pin(async move { asking.token().await }),
            token: None,
            service,
            request: Some(request),
            again,
            refusal,
        })
    }
}

impl<S, B> Waiting<S, B>
where
    S: Service<Request<B>> + Clone,
{
    /// Sends the request when there is a token and the service is ready.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<State<S, B>, Outcome<S, B>>> {
        let token = match &self.token {
            Some(token) => token.clone(),
            None => match ready!(self.asked.as_mut().poll(context)) {
                Ok(token) => self.token.insert(token).clone(),
                Err(error) => {
                    let refusal = self.refusal.take().ok_or(AddTokenError::Token(error));
                    return Poll::Ready(Err(refusal));
                }
            },
        };
        if let Err(error) = ready!(self.service.poll_ready(context)) {
            return Poll::Ready(Err(Err(AddTokenError::Inner(error))));
        }
        let mut request = taken(&mut self.request);
        add(&mut request, &token);
        let again = self.again.take().map(|request| Again {
            service: self.service.clone(),
            request,
        });
        let call = Call {
            token,
            source: self.source.clone(),
            again,
        };
        let future = self.service.call(request);
        Poll::Ready(Ok(State::Calling { future, call }))
    }
}

impl<S, B, C> Future for AddTokenFuture<S, B>
where
    S: Service<Request<B>, Response = Response<C>> + Clone,
{
    type Output = Result<Response<C>, AddTokenError<S::Error>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProjection::Calling { future, call } => {
                    let response = ready!(future.poll(context)).map_err(AddTokenError::Inner)?;
                    if !is_rejected(&response) || !call.source.reject(&call.token) {
                        return Poll::Ready(Ok(response));
                    }
                    let Some(Again { service, request }) = call.again.take() else {
                        return Poll::Ready(Ok(response));
                    };
                    let source = call.source.clone();
                    let waiting = Waiting::new(source, service, request, None, Some(response));
                    State::Waiting { waiting }
                }
                StateProjection::Waiting { waiting } => match ready!(waiting.poll(context)) {
                    Ok(calling) => calling,
                    Err(outcome) => return Poll::Ready(outcome),
                },
                StateProjection::Refused { error } => return Poll::Ready(Err(taken(error))),
            };
            this.state.set(next);
        }
    }
}

fn taken<T>(option: &mut Option<T>) -> T {
    option
        .take()
        .expect("a future is not polled after it has completed")
}

/// Whether the service says that the token is not valid (RFC 6750 §3.1). A 401 for other reasons is no reason to get
/// another.
fn is_rejected<C>(response: &Response<C>) -> bool {
    response.status() == StatusCode::UNAUTHORIZED && says_invalid_token(response.headers())
}

pub(crate) fn says_invalid_token(headers: &HeaderMap) -> bool {
    let mut challenges = headers.get_all(WWW_AUTHENTICATE).iter();
    challenges.any(|challenge| {
        let challenge = challenge.to_str().unwrap_or_default().to_ascii_lowercase();
        let mut parameters = challenge.split([',', ' ']);
        parameters.any(|parameter| {
            let value = parameter.strip_prefix("error=");
            value.is_some_and(|value| value.trim_matches('"') == "invalid_token")
        })
    })
}

impl<S: Service<Request<B>>, B> fmt::Debug for AddTokenFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddTokenFuture").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_that_say_invalid_token() {
        for (challenges, expected) in [
            (&[r#"Bearer error="invalid_token""#][..], true),
            (
                &[r#"Bearer realm="a b", error="invalid_token", error_description="x""#],
                true,
            ),
            (&["Bearer error=invalid_token"], true),
            (&[r#"bearer ERROR="invalid_token""#], true),
            (
                &[r#"ApiKey realm="x", Bearer realm="y",error="invalid_token""#],
                true,
            ),
            (
                &[
                    r#"Basic realm="x""#,
                    r#"DPoP error="invalid_token", algs="ES256""#,
                ],
                true,
            ),
            (&[], false),
            (&["Bearer"], false),
            (&[r#"Bearer error="insufficient_scope""#], false),
            (&[r#"Bearer error="invalid_request""#], false),
            (&[r#"Bearer x_error="invalid_token""#], false),
            (&[r#"DPoP error="use_dpop_nonce""#], false),
        ] {
            let mut headers = HeaderMap::new();
            for challenge in challenges {
                headers.append(WWW_AUTHENTICATE, challenge.parse().expect(challenge));
            }
            assert_eq!(says_invalid_token(&headers), expected, "{challenges:?}");
        }
    }
}
