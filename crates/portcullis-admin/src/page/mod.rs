//! The page for people: static files, without a build step and without anything from elsewhere.
//!
//! The page is public. It has no data until its user pastes a credential, which it keeps in memory and sends as a header.

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};

/// Only files of this server run or load, and no other page may show this one in a frame. Text never becomes markup: there is
/// no policy that could make it trusted.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

#[derive(Clone, Copy)]
struct File {
    path: &'static str,
    media_type: &'static str,
    content: &'static str,
}

macro_rules! file {
    ($path:literal, $media_type:expr, $name:literal) => {
        File {
            path: $path,
            media_type: $media_type,
            content: include_str!($name),
        }
    };
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// The page refers to the others relative to itself, wherever the router is nested.
const FILES: [File; 14] = [
    file!("/ui", HTML, "index.html"),
    file!("/ui/icon.svg", SVG, "icon.svg"),
    file!("/ui/style.css", CSS, "style.css"),
    file!("/ui/keys.css", CSS, "keys.css"),
    file!("/ui/app.js", JS, "app.js"),
    file!("/ui/actions.js", JS, "actions.js"),
    file!("/ui/api.js", JS, "api.js"),
    file!("/ui/dialog.js", JS, "dialog.js"),
    file!("/ui/dom.js", JS, "dom.js"),
    file!("/ui/list.js", JS, "list.js"),
    file!("/ui/row.js", JS, "row.js"),
    file!("/ui/secret.js", JS, "secret.js"),
    file!("/ui/soon.js", JS, "soon.js"),
    file!("/ui/time.js", JS, "time.js"),
];

/// Serves the page at `/ui`, and its other files below.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES.iter().fold(Router::new(), |router, file| {
        router.route(file.path, get(async || file.respond()))
    })
}

impl File {
    fn respond(&self) -> Response {
        let headers = [
            (CONTENT_TYPE, self.media_type),
            (CONTENT_SECURITY_POLICY, POLICY),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "no-referrer"),
            // The files of two versions do not fit together.
            (CACHE_CONTROL, "no-cache"),
        ];
        (headers, self.content).into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::{Request, StatusCode};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn fetch(path: &str) -> Response {
        let app: Router = Router::new().nest("/admin/keys", router());
        let request = Request::get(path).body(Body::empty()).expect("a request");
        app.oneshot(request).await.expect("infallible")
    }

    #[tokio::test]
    async fn page_is_served_where_the_router_is_nested() {
        let response = fetch("/admin/keys/ui").await;
        assert_eq!(response.status(), StatusCode::OK);
        let headers = response.headers();
        assert_eq!(headers[CONTENT_TYPE], HTML);
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[REFERRER_POLICY], "no-referrer");
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().expect("text");
        for part in ["default-src 'none'", "script-src 'self';", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        let body = response.into_body().collect().await.expect("the page").to_bytes();
        assert!(body.starts_with(b"<!doctype html>"));
    }

    /// A file that is missing from the table would leave the page without life.
    #[tokio::test]
    async fn every_file_that_the_page_names_is_served() {
        let names = FILES.iter().flat_map(|file| {
            let parts = file.content.split(['"']);
            parts.filter(|part| part.starts_with("ui/") || part.starts_with("./"))
        });
        let names: Vec<_> = names.collect();
        assert!(names.len() > FILES.len(), "{names:?}");
        for name in names {
            let name = name.trim_start_matches("./").trim_start_matches("ui/");
            let response = fetch(&format!("/admin/keys/ui/{name}")).await;
            assert_eq!(response.status(), StatusCode::OK, "{name}");
        }
    }

    #[test]
    fn page_has_no_inline_script_or_style() {
        for file in FILES.iter().filter(|file| file.media_type == HTML) {
            assert!(!file.content.contains("style="));
            assert!(!file.content.contains("<style"));
            assert_eq!(file.content.matches("<script").count(), 1);
        }
    }
}
