//! A scheme with a cache always gives the same answers as one without.

use portcullis_core::{FailureKind, clock::UnixTime};
use portcullis_jwt::{Algorithm, Bearer, CacheLimits, JwtVerifier, TrustedIssuers};
use serde_json::json;

use crate::{
    scene::{Scene, at, judge, just_before, next_signer},
    support::{AUDIENCE, NOW, Signer, claims_with, signer},
};

/// SplitMix64 with a fixed seed, so that each run is the same.
struct Random(u64);

impl Random {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).expect("one of the sides")
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }
}

/// The whole outcome of a request.
type Answer = Result<[Option<String>; 6], (FailureKind, String, String)>;

fn answer(bearer: &Bearer, token: &str) -> Answer {
    judge(bearer, token)
        .map(|principal| {
            [
                principal.subject().map(str::to_owned),
                principal.client_id().map(str::to_owned),
                principal.issuer().map(str::to_owned),
                principal.credential_id().map(str::to_owned),
                Some(principal.scopes().to_string()),
                principal.expires_at().map(|time| format!("{time:?}")),
            ]
        })
        .map_err(|failure| {
            (
                failure.kind(),
                failure.external().to_owned(),
                failure.internal().to_owned(),
            )
        })
}

fn tokens() -> Vec<String> {
    let signers = [
        signer(),
        next_signer(),
        Signer::new(3, "key-1"),
        Signer::new(4, "key-4"),
    ];
    let mut tokens = Vec::new();
    for (number, signer) in signers.iter().enumerate() {
        for (name, changes) in [
            ("usual", json!({})),
            ("short", json!({"exp": NOW + 20})),
            ("later", json!({"nbf": NOW + 30, "exp": NOW + 250})),
            ("new", json!({"iat": NOW + 40})),
            ("bound", json!({"cnf": {"jkt": "x"}})),
            ("for others", json!({"aud": "https://other.example.com"})),
            (
                "for all",
                json!({"aud": [AUDIENCE, "https://other.example.com"]}),
            ),
            ("of others", json!({"iss": "https://partner.example.com"})),
        ] {
            let mut claims = claims_with(changes);
            claims["jti"] = format!("{name} {number}").into();
            tokens.push(signer.access_token(&claims));
        }
    }
    tokens
}

/// Times at which a limit begins or ends.
fn moments() -> Vec<UnixTime> {
    [
        NOW - 70,
        NOW - 30,
        NOW - 20,
        NOW,
        NOW + 50,
        NOW + 80,
        NOW + 310,
        NOW + 350,
    ]
    .into_iter()
    .flat_map(|second| [just_before(second), at(second), at(second + 1)])
    .collect()
}

fn change_keys(scene: &Scene, random: &mut Random) {
    let (one, two, other_one) = (signer(), next_signer(), Signer::new(3, "key-1"));
    let sets: [&[&Signer]; 6] = [
        &[&one],
        &[&two],
        &[&one, &two],
        &[&two, &one],
        &[&other_one],
        &[&other_one, &two],
    ];
    let stale_at = random.pick(&[at(NOW + 50), just_before(NOW + 80), at(NOW + 9_000)]);
    scene.publisher().with(|publisher| match random.roll(8) {
        0..=3 => {
            let keys = scene.counting.key_set(random.pick(&sets));
            publisher.publish(keys, at(NOW), stale_at);
        }
        4 => publisher.confirm(at(NOW), stale_at),
        5 => publisher.set_times(at(NOW), stale_at, false),
        6 => publisher.set_times(at(NOW), stale_at, true),
        _ => publisher.record_failure(),
    });
}

fn change_issuers(ours: &Scene, partner: &Scene, trusted: &TrustedIssuers, random: &mut Random) {
    let scene = if random.roll(3) == 0 { partner } else { ours };
    let audience = random.pick(&[AUDIENCE, AUDIENCE, "https://other.example.com"]);
    let verifier = JwtVerifier::of(&scene.keys)
        .audience(audience)
        .algorithms([Algorithm::EdDSA])
        .build()
        .expect("a verifier");
    match random.roll(4) {
        0 => {
            trusted.remove(scene.keys.issuer());
        }
        1 => trusted.replace(verifier),
        _ => {
            // The issuer may be in the list already.
            let _ = trusted.add(verifier);
        }
    }
}

/// The schemes of one sequence. The first has no cache.
fn schemes(scene: &Scene, trusted: &TrustedIssuers) -> [[Bearer; 3]; 2] {
    let limits = [CacheLimits::default(), CacheLimits::new(8, 3_000)];
    let one = [
        scene.builder().without_token_cache(),
        scene.builder().token_cache(limits[0]),
        scene.builder().token_cache(limits[1]),
    ];
    let many = || Bearer::trusting(trusted).clock(scene.shared_clock());
    let many = [
        many().without_token_cache(),
        many().token_cache(limits[0]),
        many().token_cache(limits[1]),
    ];
    [
        one.map(|builder| builder.build().expect("a scheme")),
        many.map(|builder| builder.build().expect("a scheme")),
    ]
}

#[test]
fn cache_does_not_change_answers() {
    let (tokens, moments) = (tokens(), moments());
    let (mut accepted, mut refused, mut checked) = (0, 0, [0; 3]);
    for story in 0..20 {
        let mut random = Random(story);
        let scene = Scene::usual();
        let partner = Scene::of("https://partner.example.com", &[&next_signer()]);
        let verifier = scene.verifier().build().expect("a verifier");
        let trusted = TrustedIssuers::new([verifier]).expect("one issuer");
        let schemes = schemes(&scene, &trusted);
        for step in 0..400 {
            match random.roll(40) {
                0..=2 => scene.clock.set(random.pick(&moments)),
                3 | 4 => change_keys(&scene, &mut random),
                5 => change_keys(&partner, &mut random),
                6 => change_issuers(&scene, &partner, &trusted, &mut random),
                _ => {
                    // Tokens that may be valid are sent more often.
                    let range = if random.roll(3) == 0 {
                        tokens.len()
                    } else {
                        16
                    };
                    let token = &tokens[random.roll(range)];
                    for schemes in &schemes {
                        let answers = [0, 1, 2].map(|scheme: usize| {
                            let before = scene.checked() + partner.checked();
                            let answer = answer(&schemes[scheme], token);
                            checked[scheme] += scene.checked() + partner.checked() - before;
                            answer
                        });
                        let [without, with, with_little] = answers;
                        assert_eq!(with, without, "story {story}, step {step}");
                        assert_eq!(with_little, without, "story {story}, step {step}");
                        if without.is_ok() {
                            accepted += 1;
                        } else {
                            refused += 1;
                        }
                    }
                }
            }
        }
    }
    // The sequence had many different outcomes and used the caches.
    assert!(
        accepted > 1_000 && refused > 1_000,
        "{accepted} accepted, {refused} refused"
    );
    let [without, with, with_little] = checked;
    assert!(
        with < with_little && with_little < without,
        "{checked:?} signatures"
    );
}
