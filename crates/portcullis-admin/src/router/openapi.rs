//! The OpenAPI 3.1 description of the routes.

use utoipa::{
    Modify, OpenApi as _,
    openapi::{
        OpenApi, Paths, RefOr,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::router::{problem::Problem, routes, view::State};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "API keys",
        description = "Creates, lists, rotates and revokes API keys. The scopes `keys:read` and `keys:write` manage the \
                       caller's own keys, `keys:admin` those of all owners."
    ),
    paths(
        routes::list::list,
        routes::create::create,
        routes::show::show,
        routes::rotate::rotate,
        routes::revoke::revoke,
        routes::introspect::introspect
    ),
    components(schemas(Problem, State)),
    modifiers(&Security, &OptionalBodies),
    security(("api_key" = []), ("bearer" = []))
)]
struct Description;

struct Security;

impl Modify for Security {
    fn modify(&self, description: &mut OpenApi) {
        let api_key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key")));
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("api_key", api_key);
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// The bodies of rotations and revocations may be left out.
struct OptionalBodies;

impl Modify for OptionalBodies {
    fn modify(&self, description: &mut OpenApi) {
        for (path, item) in &mut description.paths.paths {
            let body = item
                .post
                .as_mut()
                .and_then(|post| post.request_body.as_mut());
            if let Some(RefOr::T(body)) = body.filter(|_| path.starts_with("/{id}/")) {
                body.required = None;
            }
        }
    }
}

/// The description of the routes below the path `base`, which has no slash at its end.
pub(crate) fn description(base: &str, introspects: bool) -> OpenApi {
    let mut description = Description::openapi();
    let paths = std::mem::take(&mut description.paths).paths.into_iter();
    let paths = paths.filter(|(path, _)| introspects || path != "/introspect");
    let below = |path: &str| match path {
        "/" if !base.is_empty() => base.to_owned(),
        path => format!("{base}{path}"),
    };
    let mut moved = Paths::new();
    moved.paths = paths.map(|(path, item)| (below(&path), item)).collect();
    description.paths = moved;
    description
}
