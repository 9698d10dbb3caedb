//! A parser of `WWW-Authenticate` (RFC 9110 §11.6.1), independent of the code that writes it.

use http::{HeaderMap, header::WWW_AUTHENTICATE};

/// A challenge: its scheme and its parameters, as sent and unquoted.
#[derive(Debug, PartialEq)]
pub(crate) struct Parsed {
    pub(crate) scheme: String,
    pub(crate) parameters: Vec<(String, String)>,
}

impl Parsed {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut found = self
            .parameters
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "b6: {name} occurs twice");
        value
    }
}

/// The challenges of a response. A list may be sent as several fields or as one joined by commas; both must parse to
/// the same.
pub(crate) fn challenges(headers: &HeaderMap) -> Vec<Parsed> {
    let fields: Vec<&str> = headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .map(|value| value.to_str().expect("visible ASCII"))
        .collect();
    let apart: Vec<Parsed> = fields
        .iter()
        .flat_map(|field| Reader(field).all())
        .collect();
    let joined = Reader(&fields.join(", ")).all();
    assert_eq!(apart, joined);
    apart
}

struct Reader<'t>(&'t str);

impl<'t> Reader<'t> {
    fn all(mut self) -> Vec<Parsed> {
        let mut all: Vec<Parsed> = Vec::new();
        while !self.0.is_empty() {
            let token = self.token();
            if self.skip('=') {
                let value = self.value();
                let current = all.last_mut().expect("a scheme comes first");
                current.parameters.push((token.to_owned(), value));
            } else {
                all.push(Parsed {
                    scheme: token.to_owned(),
                    parameters: Vec::new(),
                });
                assert!(self.skip(' '), "a space follows the scheme");
                continue;
            }
            if !self.0.is_empty() {
                assert!(self.skip(','), "a comma at {:?}", self.0);
                self.0 = self.0.trim_start_matches(' ');
            }
        }
        all
    }

    fn token(&mut self) -> &'t str {
        let end = self
            .0
            .find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)))
            .unwrap_or(self.0.len());
        assert!(end > 0, "a token at {:?}", self.0);
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        token
    }

    fn value(&mut self) -> String {
        if !self.skip('"') {
            return self.token().to_owned();
        }
        let mut value = String::new();
        let mut characters = self.0.char_indices();
        loop {
            match characters.next().expect("the quote is closed") {
                (end, '"') => {
                    self.0 = &self.0[end + 1..];
                    return value;
                }
                (_, '\\') => value.push(characters.next().expect("something is escaped").1),
                (_, character) => value.push(character),
            }
        }
    }

    fn skip(&mut self, expected: char) -> bool {
        match self.0.strip_prefix(expected) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }
}
