//! Line ends in signed tokens.

use crate::attacks::case::Cases;
use crate::attacks::line_ends::{CLASS, INJECTED};
use crate::attacks::world::{AUDIENCE, ISSUER, READ, World};

pub(super) fn cases(world: &World, cases: &mut Cases) {
    let mut item = cases.item(CLASS, "in a token");
    let injected = |value: &str| format!("{value}{INJECTED}");
    for name in ["sub", "client_id", "jti", "tenant"] {
        let token = world.token().claim(name, injected("demo"));
        item.token(name, token.mint());
        // The challenge of a refusal for missing scope is the one that could contain them.
        item.token(format!("{name}, without scope"), token.scope("x").mint());
    }
    item.token("scope", world.token().scope(&injected(READ)).mint());
    item.token(
        "an extra scope",
        world
            .token()
            .scope(&format!("{READ} {}", injected("x")))
            .mint(),
    );
    item.token("iss", world.token().claim("iss", injected(ISSUER)).mint());
    item.token("aud", world.token().audience(&injected(AUDIENCE)).mint());
    item.token("typ", world.token().typ(&injected("at+jwt")).mint());
    item.token("alg", world.token().alg(&injected("ES256")).mint());
    item.token(
        "an unknown header",
        world.token().header("x", injected("x")).mint(),
    );
    item.token(
        "the name of a claim",
        world.token().claim(&injected("x"), "x").mint(),
    );
}
