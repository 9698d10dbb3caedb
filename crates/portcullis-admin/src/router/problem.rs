//! Problem documents (RFC 9457), in the form of the refusals of `portcullis-core`.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use portcullis_api_key::{KeyError, ManageError};
use portcullis_core::scheme::Failure;
use serde::Serialize;
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder, response::Response as Description},
};

/// Why a request was refused (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The name of the status.
    title: &'static str,
    /// The status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong with this request.
    #[schema(value_type = String)]
    detail: Cow<'static, str>,
    /// The error code of RFC 6750, if one applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    /// The scopes that the caller lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<Box<str>>,
    #[serde(skip)]
    retry_after: Option<Duration>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: detail.into(),
            error: None,
            scope: None,
            retry_after: None,
        }
    }

    /// 400: the request cannot be read.
    pub(crate) fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 422: the request can be read, but not fulfilled.
    pub(crate) fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// 404, also for a key that the caller must not know of.
    pub(crate) fn no_such_key() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no API key with this id")
    }

    /// 503 with a random `Retry-After`. `why` is for the log.
    pub(crate) fn unavailable(detail: &'static str, why: &dyn std::fmt::Display) -> Self {
        tracing::warn!(why = %why, "{detail}");
        Self {
            retry_after: Failure::unavailable(detail).retry_after(),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }

    /// 500. `why` is for the log.
    fn internal(why: &dyn std::fmt::Display) -> Self {
        let detail = "the store of API keys cannot do this";
        tracing::error!(why = %why, "{detail}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }
}

impl From<ManageError> for Problem {
    fn from(error: ManageError) -> Self {
        match error {
            ManageError::Key(error) => error.into(),
            ManageError::IdempotencyConflict => Self::invalid(error.to_string()),
            ManageError::Unsupported(why) => Self::new(StatusCode::NOT_IMPLEMENTED, why),
            error => Self::unavailable("the store of API keys is unavailable now", &error),
        }
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Owner
            | KeyError::Name
            | KeyError::Tags
            | KeyError::Reason
            | KeyError::Lifetime => Self::invalid(error.to_string()),
            KeyError::NotFound(_) => Self::no_such_key(),
            KeyError::Ended(_) | KeyError::AlreadyRotated { .. } => {
                Self::new(StatusCode::CONFLICT, error.to_string())
            }
            // A random id was taken, or there was no random id: the next attempt may succeed.
            KeyError::Duplicate(_) | KeyError::Random => {
                Self::unavailable("no API key could be created now", &error)
            }
            error => Self::internal(&error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Texts and a number always serialise.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or_default();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, wait.as_secs().into());
        }
        response
    }
}

/// A refusal: a [`Problem`], or the response of a guard of `portcullis-core`.
pub(crate) struct Refused(Box<Response>);

impl From<Response> for Refused {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        problem.into_response().into()
    }
}

impl From<ManageError> for Refused {
    fn from(error: ManageError) -> Self {
        Problem::from(error).into()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// Describes the refusals of some routes.
macro_rules! refusals {
    ($(#[$attribute:meta])* $name:ident, $($status:literal: $description:literal),+) => {
        $(#[$attribute])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Description>> {
                let refusals = [$(($status, $description)),+].into_iter();
                let to_response = |(status, text): (&str, &str)| (status.to_owned(), describe(text));
                refusals.map(to_response).collect()
            }
        }
    };
}

refusals!(
    /// The refusals of all guarded routes.
    Refusals,
    "400": "The request cannot be read",
    "401": "There is no credential, or it is not valid",
    "403": "A scope is missing, or the keys are another owner's, or another site sent the request",
    "503": "The credential or the key cannot be checked or changed now: try again later"
);
refusals!(
    /// The refusals of routes that read a body.
    BodyRefusals,
    "413": "The body has more than 16 KiB",
    "415": "The body has another media type"
);
refusals!(
    /// The refusal of routes that name a key.
    NoSuchKey,
    "404": "There is no such key, or it is another owner's"
);
refusals!(
    /// The refusal of a body that can be read but not fulfilled.
    NotAcceptable,
    "422": "A value is not as described, or the idempotency key belongs to another request"
);
refusals!(
    /// The refusal of a rotation.
    NotRotatable,
    "409": "The key has ended or was rotated before"
);

fn describe(text: &str) -> RefOr<Description> {
    let schema = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let response = ResponseBuilder::new().description(text);
    response
        .content("application/problem+json", content)
        .build()
        .into()
}
