//! Credentials in `Authorization`.

use http::{HeaderMap, header::AUTHORIZATION};

use crate::{challenge::is_token, failure::Failure};

/// Reads the credentials that `Authorization` holds under an authentication scheme, whose name is compared without case
/// (RFC 9110 §11.4). `None` when the header is absent or names another scheme. The characters are not checked: see
/// [`check_token68`].
///
/// # Errors
///
/// [`Failure::malformed`] when the header was sent twice, is empty, names no scheme, or has no credentials.
pub fn authorization_credentials<'h>(
    headers: &'h HeaderMap,
    scheme: &str,
) -> Result<Option<&'h [u8]>, Failure> {
    let malformed = |problem| {
        Err(Failure::malformed(format!(
            "the Authorization header {problem}"
        )))
    };
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return malformed("was sent more than once");
    }
    let value = value.as_bytes();
    let is_blank = |octet: &u8| matches!(octet, b' ' | b'\t');
    if let Some((name, rest)) = value.split_at_checked(scheme.len())
        && name.eq_ignore_ascii_case(scheme.as_bytes())
        && rest.first().is_none_or(is_blank)
    {
        return match rest.iter().position(|octet| *octet != b' ') {
            Some(start) => Ok(Some(&rest[start..])),
            None => malformed("holds no credentials"),
        };
    }
    match value.split(is_blank).next() {
        Some(name) if is_token(name) => Ok(None),
        _ if value.is_empty() => malformed("is empty"),
        _ => malformed("names no authentication scheme"),
    }
}

/// Checks that credentials consist of one or more characters of a token68 (RFC 9110 §11.2), such as a bearer token. A
/// misplaced `=` passes: it makes a bad token, not a bad request.
///
/// # Errors
///
/// [`Failure::malformed`] when they are empty or have other characters.
pub fn check_token68(credentials: &[u8]) -> Result<&str, Failure> {
    let is_allowed = |octet: &u8| {
        octet.is_ascii_alphanumeric()
            || matches!(octet, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
    };
    std::str::from_utf8(credentials)
        .ok()
        .filter(|text| !text.is_empty() && credentials.iter().all(is_allowed))
        .ok_or_else(|| {
            Failure::malformed("the Authorization header holds characters that no credentials have")
        })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(value: &[u8]) -> Result<Option<String>, Failure> {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes(value).expect("a field value");
        headers.insert(AUTHORIZATION, value);
        authorization_credentials(&headers, "Bearer")?
            .map(|credentials| check_token68(credentials).map(str::to_owned))
            .transpose()
    }

    #[test]
    fn b5_one_or_more_spaces_and_nothing_else() {
        for good in [&b"Bearer abc"[..], b"Bearer   abc"] {
            assert_eq!(read(good).expect("well-formed").as_deref(), Some("abc"));
        }
        for bad in [
            &b"Bearer\tabc"[..],
            b"Bearer \tabc",
            b"Bearer abc def",
            b"Bearer a,b",
            b"Bearer",
            b"Bearer ",
            b"",
            b"Bearer a\xff",
            b"Bearer \"a\"",
            b" Bearer a",
            b"\tBearer a",
            b"Bearer,a",
            b"Bearer=a",
            b"\xff",
            b"B\xe9arer a",
        ] {
            assert!(read(bad).is_err(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn h1_scheme_name_is_case_insensitive() {
        let credentials = read(b"bEaReR abc").expect("well-formed");
        assert_eq!(credentials.as_deref(), Some("abc"));
    }

    #[test]
    fn b1_other_schemes_are_absent() {
        for other in [
            &b"Basic abc"[..],
            b"Bearerabc",
            b"Bear abc",
            b"BearerX abc",
            b"Basic \xff",
        ] {
            let credentials = read(other).expect("another scheme's");
            assert_eq!(credentials, None, "{}", other.escape_ascii());
        }
    }

    #[test]
    fn b2_header_sent_twice_is_malformed() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, HeaderValue::from_static("Basic abc"));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer abc"));
        assert!(authorization_credentials(&headers, "Bearer").is_err());
    }

    #[test]
    fn b5_characters_are_those_of_a_token68() {
        for octet in 0..=u8::MAX {
            let expected = octet.is_ascii_alphanumeric() || b"-._~+/=".contains(&octet);
            let checked = check_token68(std::slice::from_ref(&octet)).is_ok();
            assert_eq!(checked, expected, "{octet:#x}");
        }
        assert!(check_token68(b"").is_err());
    }
}
