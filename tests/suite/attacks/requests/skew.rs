//! An issuer whose clock differs from the service's. The leeway is 60 s in both directions.

use std::time::Duration;

use portcullis_test::TokenBuilder;

use crate::attacks::case::Cases;
use crate::attacks::world::World;

const CLASS: &str = "clocks";

/// The skews in seconds, far enough from the leeway for a slow test.
const OFF: [u64; 8] = [1, 15, 30, 90, 120, 300, 3_600, 86_400];

pub(super) fn cases(world: &World, cases: &mut Cases) {
    let mut item = cases.item(CLASS, "the issuer's clock is ahead");
    for seconds in OFF {
        let at = world.now.saturating_add(Duration::from_secs(seconds));
        let exp = at.saturating_add(Duration::from_secs(300));
        let token = || world.token().expires_at(exp);
        item.token(format!("iat by {seconds} s"), token().issued_at(at).mint());
        item.token(format!("nbf by {seconds} s"), token().not_before(at).mint());
        item.token(
            format!("iat and nbf by {seconds} s"),
            token().issued_at(at).not_before(at).mint(),
        );
    }

    let mut item = cases.item(CLASS, "the issuer's clock is behind");
    for seconds in OFF {
        // A token with a short lifetime, from a clock that runs behind.
        let at = world.now.saturating_sub(Duration::from_secs(seconds));
        let token: TokenBuilder = world.token().expires_at(at);
        let issued = at.saturating_sub(Duration::from_secs(5));
        item.token(
            format!("exp by {seconds} s"),
            token.clone().issued_at(issued).mint(),
        );
        item.token(
            format!("exp by {seconds} s, with nbf"),
            token.issued_at(issued).not_before(issued).mint(),
        );
    }
}
