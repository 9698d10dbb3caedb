//! A case: one attack and its row in the table.

use std::fmt;

/// The identity of a case: the class of attack, the item within it, and a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id {
    pub(super) class: &'static str,
    pub(super) item: &'static str,
    pub(super) name: String,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {} / {}", self.class, self.item, self.name)
    }
}

/// Where a case is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// To a running service over a socket.
    Live,
    /// To the schemes, without a socket.
    Pure,
    /// To both, with the same outcome.
    Both,
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Live => "live",
            Self::Pure => "pure",
            Self::Both => "live+pure",
        })
    }
}

/// The outcome of a request, actual or expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The status code.
    pub(super) status: u16,
    /// The values of `WWW-Authenticate` in the order sent, with ` | ` between them; `-` for none.
    pub(super) challenge: String,
}

impl Outcome {
    pub(super) fn new<'a>(status: u16, challenges: impl IntoIterator<Item = &'a str>) -> Self {
        let challenges: Vec<&str> = challenges.into_iter().collect();
        let challenge = if challenges.is_empty() {
            "-".to_owned()
        } else {
            challenges.join(" | ")
        };
        Self { status, challenge }
    }
}

/// One attack that is a single request.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) id: Id,
    pub(super) attack: Attack,
}

#[derive(Clone, Debug)]
pub(super) enum Attack {
    /// An access token, sent as `Authorization: Bearer`.
    Token(String),
    /// Header fields of a `GET /orders`.
    Headers(Vec<(String, Vec<u8>)>),
    /// The bytes of a whole request, for a socket only.
    Raw(Vec<u8>),
}

impl Case {
    pub(super) fn sent(&self) -> Sent {
        match self.attack {
            Attack::Token(_) | Attack::Headers(_) => Sent::Both,
            Attack::Raw(_) => Sent::Live,
        }
    }
}

/// Collects the cases of one item after the other.
#[derive(Debug, Default)]
pub(super) struct Cases(pub(super) Vec<Case>);

impl Cases {
    pub(super) fn item(&mut self, class: &'static str, item: &'static str) -> Item<'_> {
        Item {
            class,
            item,
            cases: &mut self.0,
        }
    }
}

/// Collects the cases of one item.
pub(super) struct Item<'c> {
    class: &'static str,
    item: &'static str,
    cases: &'c mut Vec<Case>,
}

impl Item<'_> {
    /// A token to be sent as `Authorization: Bearer`.
    pub(super) fn token(&mut self, name: impl Into<String>, token: impl Into<String>) {
        self.add(name.into(), Attack::Token(token.into()));
    }

    /// Header fields to be sent with a request.
    pub(super) fn headers<N: Into<String>, V: Into<Vec<u8>>>(
        &mut self,
        name: impl Into<String>,
        headers: impl IntoIterator<Item = (N, V)>,
    ) {
        let headers = headers
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        self.add(name.into(), Attack::Headers(headers));
    }

    /// A whole request.
    pub(super) fn raw(&mut self, name: impl Into<String>, request: impl Into<Vec<u8>>) {
        self.add(name.into(), Attack::Raw(request.into()));
    }

    fn add(&mut self, name: String, attack: Attack) {
        let id = Id {
            class: self.class,
            item: self.item,
            name,
        };
        self.cases.push(Case { id, attack });
    }
}
