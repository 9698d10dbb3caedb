//! The normal form of a path (RFC 3986 §6.2.2).

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::log::percent_octet;

/// Whether `path` is in normal form, so that every router reads it alike: it begins with `/` and has no `//`, no segment
/// `.` or `..`, no needless percent-encoding, and no percent-encoded slash, backslash or control character.
pub(super) fn is_normal(path: &str) -> bool {
    path.starts_with('/')
        && !path.contains("//")
        && !path.split('/').any(|segment| matches!(segment, "." | ".."))
        && has_normal_octets(path.as_bytes())
}

fn has_normal_octets(mut path: &[u8]) -> bool {
    while let [first, rest @ ..] = path {
        path = match (first, rest) {
            (b'%', [high, low, rest @ ..]) => {
                let Some(octet) = percent_octet(*high, *low) else {
                    return false;
                };
                let is_upper_case = !high.is_ascii_lowercase() && !low.is_ascii_lowercase();
                let is_escaped_again = octet == b'%'
                    && matches!(rest, [high, low, ..] if percent_octet(*high, *low).is_some());
                // Some systems read a backslash as a slash, and some end a name at a control character.
                let is_hidden = matches!(octet, b'/' | b'\\') || octet.is_ascii_control();
                if !is_upper_case || is_unreserved(octet) || is_escaped_again || is_hidden {
                    return false;
                }
                rest
            }
            (octet, rest) if is_unreserved(*octet) || b"/!$&'()*+,;=:@".contains(octet) => rest,
            _ => return false,
        };
    }
    true
}

const fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~')
}

pub(super) fn decoded(path: &str) -> Cow<'_, [u8]> {
    percent_decode_str(path).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_paths_are_told_from_others() {
        for path in [
            "/",
            "/files/secret",
            "/files/",
            "/users/a%40example.com",
            "/users/a@example.com",
            "/a%20b/c;d=e,f/~g/-_.h",
            "/100%25",
            "/%C3%BC",
            "/...",
            "/.well-known/x",
        ] {
            assert!(is_normal(path), "{path}");
        }
        for path in [
            "",
            "*",
            "files",
            "//",
            "//files",
            "/files//secret",
            "/files/./secret",
            "/files/x/../secret",
            "/files/..",
            "/files/%2e%2e/secret",
            "/files/%73ecret",
            "/files/%7Euser",
            "/files%2Fsecret",
            "/files%2fsecret",
            "/files%5Csecret",
            "/files\\secret",
            "/files/%c3%bc",
            "/files/ü",
            "/files/secret%00",
            "/files/%2573ecret",
            "/files/%",
            "/files/%zz",
            "/files/%4",
            "/files/a|b",
        ] {
            assert!(!is_normal(path), "{path}");
        }
    }

    #[test]
    fn path_is_decoded_once() {
        assert_eq!(&*decoded("/a%2Bb%2525%zz%"), b"/a+b%25%zz%");
        assert_eq!(&*decoded("/a"), b"/a");
    }
}
