//! Requests and tokens beyond their size limits.

use crate::attacks::case::Cases;
use crate::attacks::forge;
use crate::attacks::world::World;

pub(super) fn cases(world: &World, cases: &mut Cases) {
    let mut item = cases.item("oversized input", "oversized input");
    let padded = |bytes: usize| world.token().claim("x", "x".repeat(bytes)).mint();
    // The longest token that fits 8 KiB as sent, and the next longer one.
    let overhead = padded(0).len();
    let fitting = (8 * 1024 - overhead) / 4 * 3;
    item.token("a payload slightly over 8 KiB", padded(fitting + 6));
    item.token("a payload of 16 KiB", padded(16 * 1024));
    item.token("a payload of 64 KiB", padded(64 * 1024));
    item.token(
        "a header past 2 KiB",
        world.token().header("x", "x".repeat(1_500)).mint(),
    );
    item.token(
        "a header past 4 KiB",
        world.token().header("x", "x".repeat(3_100)).mint(),
    );
    item.token(
        "a header of 5 KiB",
        world.token().header("x", "x".repeat(3_700)).mint(),
    );
    item.token(
        "a header of 32 KiB",
        world.token().header("x", "x".repeat(24 * 1024)).mint(),
    );
    item.token(
        "a signature of 1025 octets",
        forge::with_signature(&world.token().mint(), [7; 1025]),
    );
    item.token(
        "a signature of 5 KiB",
        forge::with_signature(&world.token().mint(), vec![7; 5 * 1024]),
    );
    item.token("8 KiB of one letter", "A".repeat(8 * 1024));
    item.token("100 KiB of one letter", "A".repeat(100 * 1024));
    item.token("typ of 1 KiB", world.token().typ(&"t".repeat(1024)).mint());
    item.token("alg of 1 KiB", world.token().alg(&"A".repeat(1024)).mint());
    item.token(
        "iss of 4 KiB",
        world.token().claim("iss", "i".repeat(4096)).mint(),
    );
    item.token("aud of 900 strangers", {
        let audiences: Vec<String> = (0..900).map(|n| format!("{n}")).collect();
        world.token().claim("aud", audiences).mint()
    });
    item.token("700 claims and a duplicate", {
        let claims: String = (0..700).map(|n| format!(",\"{n}\":0")).collect();
        let payload = forge::payload(&world.token());
        let payload = format!(
            "{}{claims},\"0\":0}}",
            payload.strip_suffix('}').expect("an object")
        );
        world.token().raw_payload(payload).mint()
    });
    item.token(
        "scopes of 5 KiB",
        world.token().scope(&"x ".repeat(2_500)).mint(),
    );

    item.headers(
        "a scheme of 16 KiB",
        [("authorization", format!("{} x", "B".repeat(16 * 1024)))],
    );
    item.headers(
        "spaces of 16 KiB",
        [("authorization", format!("Bearer{}x", " ".repeat(16 * 1024)))],
    );
    item.headers(
        "a key of 1 KiB",
        [(
            "x-api-key",
            format!("{}{}", world.api_key, "A".repeat(1024)),
        )],
    );
    item.headers("a key of 16 KiB", [("x-api-key", "A".repeat(16 * 1024))]);
    item.headers(
        "a key's prefix of 16 KiB",
        [(
            "x-api-key",
            format!("{}{}", "a".repeat(16 * 1024), world.api_key),
        )],
    );
    item.headers(
        "ninety headers",
        (0..90)
            .map(|n| (format!("x-{n}"), "x".to_owned()))
            .collect::<Vec<_>>(),
    );

    // Beyond the limits of the HTTP server.
    let raw = |lines: &str| format!("GET /orders HTTP/1.1\r\nhost: orders\r\n{lines}\r\n");
    item.raw(
        "a header line of 1 MiB",
        raw(&format!(
            "authorization: Bearer {}\r\n",
            "A".repeat(1024 * 1024)
        )),
    );
    item.raw(
        "a key of 1 MiB",
        raw(&format!("x-api-key: {}\r\n", "A".repeat(1024 * 1024))),
    );
    let many: String = (0..200).map(|n| format!("x-{n}: x\r\n")).collect();
    item.raw("two hundred headers", raw(&many));
    item.raw(
        "a target of 70 KiB",
        format!(
            "GET /orders?{} HTTP/1.1\r\nhost: orders\r\n\r\n",
            "a".repeat(70 * 1024)
        ),
    );
    item.raw(
        "a method of 1 KiB",
        format!(
            "{} /orders HTTP/1.1\r\nhost: orders\r\n\r\n",
            "G".repeat(1024)
        ),
    );
}
