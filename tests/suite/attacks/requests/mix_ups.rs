//! Keys used with another algorithm or curve: RSA as PSS and the reverse, one curve for another.

use portcullis_test::SigningAlgorithm::{
    self, ES256, ES384, ES512, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512,
};

use crate::attacks::case::Cases;
use crate::attacks::world::{World, key, stranger, unmarked_rsa_key};

const CLASS: &str = "RSA, PSS and curve mix-ups";

pub(super) fn cases(world: &World, cases: &mut Cases) {
    rsa_and_pss(world, cases);
    curves(world, cases);
}

fn rsa_and_pss(world: &World, cases: &mut Cases) {
    let mut item = cases.item(CLASS, "RSA and PSS");
    // Valid signatures of published keys with an algorithm other than the key's `alg`.
    for (marked, others) in [
        (RS256, [RS384, RS512, PS256, PS384, PS512]),
        (PS256, [PS384, PS512, RS256, RS384, RS512]),
    ] {
        for other in others {
            let token = world.token_by(&key(marked).with_algorithm(other));
            item.token(format!("key marked {marked}, signed {other}"), token.mint());
            let disguised = world
                .token_by(&key(marked))
                .signature_by(&key(marked).with_algorithm(other));
            item.token(
                format!("key marked {marked}, header {marked}, signed {other}"),
                disguised.mint(),
            );
        }
    }
    // The key without `alg` works with each of the six algorithms, but not with two at once.
    let all = [RS256, RS384, RS512, PS256, PS384, PS512];
    for (header, signed) in all.iter().zip(all.iter().cycle().skip(1)) {
        let rsa = unmarked_rsa_key();
        let token = world
            .token_by(&rsa.clone().with_algorithm(*header))
            .signature_by(&rsa.with_algorithm(*signed));
        item.token(
            format!("unmarked key, header {header}, signed {signed}"),
            token.mint(),
        );
    }
}

fn curves(world: &World, cases: &mut Cases) {
    let mut item = cases.item(CLASS, "curves");
    let all = [ES256, ES384, ES512, EdDSA];
    let pairs = |algorithms: [SigningAlgorithm; 4]| {
        algorithms
            .into_iter()
            .flat_map(move |one| algorithms.map(|other| (one, other)))
            .filter(|(one, other)| one != other)
    };
    for (named, signed) in pairs(all) {
        let under_kid = world
            .token_by(&key(signed))
            .kid(&named.as_str().to_lowercase());
        item.token(
            format!("{signed} under the kid of {named}"),
            under_kid.mint(),
        );
        let under_both = world.token_by(&key(named)).signature_by(&key(signed));
        item.token(
            format!("{signed} under kid and alg of {named}"),
            under_both.mint(),
        );
        let under_alg = world.token_by(&key(signed)).alg(named.as_str());
        item.token(
            format!("{signed} under the alg of {named}"),
            under_alg.mint(),
        );
    }
    for alg in [
        "ES256K",
        "ES224",
        "ES521",
        "Ed448",
        "ECDH-ES",
        "es256",
        "ES-256",
        "SHA256withECDSA",
    ] {
        item.token(format!("alg {alg}"), world.token().alg(alg).mint());
    }
    for (named, other) in [
        (ES256, RS256),
        (RS256, ES256),
        (EdDSA, RS256),
        (PS256, EdDSA),
    ] {
        let token = world
            .token_by(&stranger(named))
            .kid(&other.as_str().to_lowercase());
        item.token(
            format!("a stranger's {named} under the kid of {other}"),
            token.mint(),
        );
    }
}
