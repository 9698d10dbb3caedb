//! Which origins a request may go to.

use http::HeaderValue;

use super::*;

fn origins() -> Origins {
    Origins::new([
        "https://orders.example.com",
        "https://stock.example.com:8443",
        "http://127.0.0.1:3000",
        "http://[::1]:3000",
    ])
    .expect("origins")
}

#[test]
fn only_listed_origins_are_allowed() {
    for (uri, expected) in [
        ("https://orders.example.com/", true),
        ("https://orders.example.com", true),
        ("HTTPS://ORDERS.example.COM:443/a?b", true),
        ("https://stock.example.com:8443/a", true),
        ("http://127.0.0.1:3000/a", true),
        ("http://[::1]:3000/a", true),
        ("https://user@orders.example.com/", false),
        ("https://orders.example.com@orders.example.com/", false),
        ("http://[::1].evil.example:3000/", false),
        ("http://[::1]x:3000/", false),
        ("http://[::1]3000/", false),
        ("https://orders.example.com:8443/", false),
        ("https://orders.example.com:+443/", false),
        ("https://orders.example.com:+443", false),
        ("https://stock.example.com:+8443/", false),
        ("https://stock.example.com/", false),
        ("http://orders.example.com/", false),
        ("http://orders.example.com:443/", false),
        ("https://127.0.0.1:3000/", false),
        ("http://127.0.0.2:3000/", false),
        ("http://localhost:3000/", false),
        ("https://orders.example.com.evil.example/", false),
        ("https://evil-orders.example.com/", false),
        ("https://orders.example.com@evil.example/", false),
        ("https://evil.example/https://orders.example.com", false),
        ("https://orders.example.com./", false),
        ("orders.example.com:443", false),
        ("/orders", false),
        ("*", false),
    ] {
        let parsed: Uri = uri.parse().expect(uri);
        assert_eq!(origins().allows(&parsed), expected, "{uri}");
    }
}

#[test]
fn port_out_of_range_is_rejected() {
    // `http` returns no number for these, as for a URI without a port.
    for uri in [
        "https://orders.example.com:99999/",
        "https://orders.example.com:/",
    ] {
        if let Ok(uri) = uri.parse::<Uri>() {
            assert!(!origins().allows(&uri), "{uri}");
        }
    }
}

#[test]
fn host_header_must_match_the_uri() {
    let check = |uri: &str, hosts: &[&'static str]| {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, HeaderValue::from_static(host));
        }
        origins().check(&uri.parse().expect(uri), &headers).is_ok()
    };
    let uri = "https://orders.example.com/";
    assert!(check(uri, &[]));
    assert!(check(uri, &["orders.example.com"]));
    assert!(check(uri, &["ORDERS.example.com:443"]));
    for other in [
        &["stock.example.com:8443"][..],
        &["orders.example.com:8443"],
        &["evil.example"],
        &["orders.example.com", "orders.example.com"],
        &["orders.example.com", "evil.example"],
        &["orders.example.com@evil.example"],
        &["evil@orders.example.com"],
        &["orders.example.com/"],
        &["orders.example.com:+443"],
        &[""],
        &["orders.example.com, evil.example"],
    ] {
        assert!(!check(uri, other), "{other:?}");
    }
}

#[test]
fn uppercase_scheme_from_a_builder_is_rejected() {
    let uri = Uri::builder()
        .scheme("HTTPS")
        .authority("orders.example.com")
        .path_and_query("/");
    let uri = uri.build().expect("a URI");
    assert!(origins().check(&uri, &HeaderMap::new()).is_err());
    let parsed: Uri = "HTTPS://orders.example.com/".parse().expect("a URI");
    assert!(origins().check(&parsed, &HeaderMap::new()).is_ok());
}

#[test]
fn channel_checks_an_authority_but_needs_none() {
    let channel = Origins::channel("https://orders.example.com").expect("an origin");
    let uri = |uri: &str| uri.parse::<Uri>().expect(uri);
    assert!(channel.allows(&uri("/orders.Orders/List")));
    assert!(channel.allows(&uri("https://orders.example.com/orders.Orders/List")));
    assert!(!channel.allows(&uri("https://evil.example/orders.Orders/List")));
    let absolute = channel.absolute(&uri("/orders.Orders/List?a"));
    assert_eq!(
        absolute,
        "https://orders.example.com:443/orders.Orders/List?a"
    );
    let own = uri("https://orders.example.com/a");
    assert_eq!(channel.absolute(&own), own);
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static("evil.example"));
    assert!(channel.check(&uri("/a"), &headers).is_err());
    headers.insert(HOST, HeaderValue::from_static("orders.example.com"));
    assert!(channel.check(&uri("/a"), &headers).is_ok());
}

#[test]
fn invalid_origins_are_config_errors() {
    for bad in [
        "",
        "orders.example.com",
        "https://",
        "https://orders.example.com/a",
        "https://orders.example.com?a",
        "https://orders.example.com/#a",
        "https://u:p@orders.example.com",
        "https://user@orders.example.com",
        "https://:p@orders.example.com",
        "https://orders.example.com:+443",
        "https://orders.example.com:-1",
        "https://orders.example.com:65536",
        "http://orders.example.com",
        "ftp://orders.example.com",
        "http://127.0.0.1.example",
        "http://orders.localhost",
        "https://*.example.com",
    ] {
        let error = Origins::new(["https://orders.example.com", bad]).expect_err(bad);
        assert_eq!(error.setting(), "origins", "{bad}");
        let text = error.to_string();
        assert!(text.contains("number 2"), "{text}");
        assert!(!text.contains("u:p"), "{text}");
    }
    assert!(Origins::new([] as [&str; 0]).is_err());
}

#[test]
fn error_shows_neither_path_nor_user_name() {
    let uri: Uri = "https://u:s3cr3t@evil.example:1/s3cr3t?s3cr3t"
        .parse()
        .expect("a URI");
    let error = origins()
        .check(&uri, &HeaderMap::new())
        .expect_err("another origin");
    let text = error.to_string();
    assert!(
        text.contains("https://evil.example:1 with a user name"),
        "{text}"
    );
    assert!(!text.contains("s3cr3t"), "{text}");

    // A URL in which the host was forgotten.
    let uri = Uri::from_static("https://user:s3cr3t/");
    let error = origins().check(&uri, &HeaderMap::new());
    let text = error.expect_err("another origin").to_string();
    assert!(text.contains("https://user,"), "{text}");

    let uri = Uri::from_static("https://orders.example.com/");
    let mut headers = HeaderMap::new();
    for (host, told) in [
        ("u:s3cr3t@evil.example", "the Host evil.example,"),
        ("evil.example:s3cr3t", "the Host evil.example,"),
        ("evil.example/s3cr3t", "an invalid Host,"),
    ] {
        headers.insert(HOST, HeaderValue::from_static(host));
        let error = origins().check(&uri, &headers).expect_err("another origin");
        let text = error.to_string();
        assert!(text.contains(told), "{text}");
        assert!(!text.contains("s3cr3t"), "{text}");
    }
}
