//! The fields of a profile file, read one by one.

use serde::de::DeserializeOwned;
use toml::de::{DeTable, ValueDeserializer};

/// Settings that users may look for in a profile, and that belong elsewhere.
const ELSEWHERE: &str = "algorithm algorithms audience audiences client_id client_ids exp issuer jwks_uri leeway \
                         max_lifetime signature";

pub(super) struct Mistake {
    pub(super) at: Option<usize>,
    pub(super) problem: String,
}

impl<P: Into<String>> From<P> for Mistake {
    fn from(problem: P) -> Self {
        Self {
            at: None,
            problem: problem.into(),
        }
    }
}

impl Mistake {
    /// With the mistake of an `error`, after `place`. The message of the error quotes the file.
    fn new(place: &str, error: &toml::de::Error) -> Self {
        let message = error.message().replace(char::is_control, "?");
        Self {
            at: error.span().map(|span| span.start),
            problem: format!("{place}: {message}"),
        }
    }
}

pub(super) struct Fields<'t> {
    unread: DeTable<'t>,
    known: Vec<&'static str>,
}

impl<'t> Fields<'t> {
    pub(super) fn parse(text: &'t str) -> Result<Self, Mistake> {
        let document =
            DeTable::parse(text).map_err(|error| Mistake::new("invalid TOML", &error))?;
        Ok(Self {
            unread: document.into_inner(),
            known: Vec::new(),
        })
    }

    /// Reads the field `name`, if it is there.
    pub(super) fn take<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, Mistake> {
        self.known.push(name);
        let value = self.unread.remove(name).map(ValueDeserializer::from);
        value.map(T::deserialize).transpose().map_err(|error| {
            let mut mistake = Mistake::new(&format!("`{name}`"), &error);
            let is_flat = mistake.problem.ends_with("map, expected a sequence");
            if is_flat && matches!(name, "machine_if" | "user_if") {
                mistake.problem += ": write a list of lists: [[{ … }]]";
            }
            mistake
        })
    }

    /// Replaces `value` by the field `name`, if it is there. Returns whether it is.
    pub(super) fn set<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
        value: &mut T,
    ) -> Result<bool, Mistake> {
        let Some(field) = self.take(name)? else {
            return Ok(false);
        };
        *value = field;
        Ok(true)
    }

    /// Rejects the first field that was not asked for, with a hint where the user may have meant another.
    pub(super) fn check_unknown(&self) -> Result<(), Mistake> {
        let names = self.unread.keys();
        let unread = names.map(|name| (name.span().start, &**name.get_ref()));
        match unread.min() {
            None => Ok(()),
            Some((at, name)) if ELSEWHERE.split(' ').any(|other| other == name) => Err(Mistake {
                at: Some(at),
                problem: format!(
                    "`{name}` is not part of a profile: remove it, and see if it is a setting of the issuer or service"
                ),
            }),
            Some((at, name)) => Err(unknown("field", name, at, &self.known)),
        }
    }
}

/// A mistake in a name, with the nearest of the `known` names.
pub(super) fn unknown(what: &str, name: &str, at: usize, known: &[&str]) -> Mistake {
    let nearest = known
        .iter()
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    let hint = match nearest {
        Some((_, nearest)) => format!("did you mean `{nearest}`?"),
        None => format!("expected one of {}", known.join(", ")),
    };
    let name = portcullis_core::log::escape(name);
    Mistake {
        at: Some(at),
        problem: format!("unknown {what} `{name}`; {hint}"),
    }
}
