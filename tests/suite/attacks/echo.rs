//! The parts of a request that a response must not contain.

use serde_json::Value;

use super::case::{Attack, Outcome};
use super::forge;

/// Shorter texts occur in legitimate responses too.
const SHORTEST: usize = 8;

/// The parts of a request that no response may contain.
#[derive(Debug)]
pub(super) struct Sensitive(Vec<String>);

impl Sensitive {
    /// Leaves out the texts that the expected response contains: fixed text, or the service's scope.
    pub(super) fn of(attack: &Attack, expected: &Outcome) -> Self {
        let mut pieces = Vec::new();
        match attack {
            Attack::Token(token) => add_credential(&mut pieces, token),
            Attack::Headers(headers) => {
                for (_, value) in headers {
                    let value = String::from_utf8_lossy(value);
                    value
                        .split([' ', ',', '\t'])
                        .for_each(|word| add_credential(&mut pieces, word));
                }
            }
            Attack::Raw(request) => {
                let request = String::from_utf8_lossy(request);
                let lines = request.split("\r\n").skip(2);
                lines.for_each(|line| add_credential(&mut pieces, line));
            }
        }
        pieces.retain(|piece| {
            piece.len() >= SHORTEST && !expected.challenge.contains(piece.as_str())
        });
        Self(pieces)
    }

    /// The first part that `text` contains.
    pub(super) fn found_in(&self, text: &str) -> Option<&str> {
        self.0
            .iter()
            .map(String::as_str)
            .find(|piece| text.contains(piece))
    }
}

/// A credential, its parts, and the texts within them.
fn add_credential(pieces: &mut Vec<String>, credential: &str) {
    pieces.push(credential.to_owned());
    for part in credential.split('.').take(8) {
        pieces.push(part.to_owned());
        if let Some(Ok(json)) = forge::try_decode(part).map(|bytes| serde_json::from_slice(&bytes))
        {
            add_texts(pieces, &json);
        }
    }
}

fn add_texts(pieces: &mut Vec<String>, json: &Value) {
    match json {
        Value::String(text) => pieces.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| add_texts(pieces, item)),
        Value::Object(members) => members
            .values()
            .for_each(|member| add_texts(pieces, member)),
        _ => {}
    }
}
