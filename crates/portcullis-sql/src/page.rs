//! Lists, by keyset pagination: each page begins at a place in an index, so that its cost does not grow with the place.

use portcullis_api_key::{Cursor, KeyPage, KeyQuery, KeyState};

use crate::{
    database::{Purpose, Statement, Value},
    problem::Problem,
    record::{self, COLUMNS, to_millis, to_millis_above},
    store::SqlStore,
};

impl SqlStore {
    pub(crate) async fn read_page(&self, query: &KeyQuery) -> Result<KeyPage, Problem> {
        let statement = Select::new(query, self.shared.database.dialect().position).statement();
        let rows = match self.read(Purpose::View, statement).await {
            Err(problem) if problem.is_too_slow() => {
                return Err(Problem::Other(
                    "the list takes longer than 10 s: narrow it by an owner or a state, or search for an id",
                ));
            }
            rows => rows?,
        };
        let has_more = rows.len() > query.limit;
        let read = rows
            .iter()
            .take(query.limit)
            .map(|row| record::read(&**row));
        let keys = read.collect::<Result<Vec<_>, _>>()?;
        Ok(KeyPage {
            next: keys.last().filter(|_| has_more).map(Cursor::of),
            keys,
        })
    }
}

/// A SELECT in the making.
struct Select<'q> {
    query: &'q KeyQuery,
    position: &'static str,
    values: Vec<Value>,
}

impl<'q> Select<'q> {
    fn new(query: &'q KeyQuery, position: &'static str) -> Self {
        Self {
            query,
            position,
            values: Vec::new(),
        }
    }

    /// The page, and one row more that tells whether it is the last.
    fn statement(mut self) -> Statement {
        let place = self.place();
        let common = self.common();
        let arms = self.arms();
        let limit = self.query.limit.saturating_add(1).min(i64::MAX as usize);
        let select = |arm: &Arm| {
            let created = arm.created();
            let after = place
                .as_ref()
                .map(|place| format!("({created}, id) < {place}"));
            let conditions: Vec<&str> = common
                .iter()
                .chain(&after)
                .chain([&arm.condition])
                .map(|it| &**it)
                .filter(|it| !it.is_empty())
                .collect();
            let filter = match conditions.is_empty() {
                true => String::new(),
                false => format!("WHERE {}", conditions.join(" AND ")),
            };
            format!(
                "SELECT id FROM portcullis_keys {filter} ORDER BY {created} DESC, id DESC LIMIT {limit}"
            )
        };
        let part = |(index, arm)| format!("SELECT id FROM ({}) AS arm{index}", select(arm));
        let parts: Vec<String> = arms.iter().enumerate().map(part).collect();
        // The ids come from indexes, and the other columns are read for the page alone.
        let sql = format!(
            "SELECT {COLUMNS} FROM portcullis_keys WHERE id IN ({}) \
             ORDER BY {UNINDEXED_CREATED} DESC, id DESC LIMIT {limit}",
            parts.join(" UNION ALL ")
        );
        Statement::new(sql).bind_all(self.values).unprepared()
    }

    /// Where the page begins.
    fn place(&mut self) -> Option<String> {
        let after = self.query.after?;
        let created = self.bind(i64::try_from(after.created_ms).unwrap_or(i64::MAX));
        let id = self.bind(after.id.as_str());
        Some(format!("({created}, {id})"))
    }

    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// The conditions of all arms.
    fn common(&mut self) -> Vec<String> {
        let query = self.query;
        let mut conditions = Vec::new();
        if let Some(owner) = &query.owner {
            // PostgreSQL accepts no text with a NUL.
            conditions.push(match owner.contains(char::is_control) {
                true => "FALSE".to_owned(),
                false => format!("owner = {}", self.bind(&**owner)),
            });
        }
        if let Some(version) = query.other_pepper_than {
            // NULL for a foreign key, whose digest cannot be replaced by its format.
            let version = self.bind(i64::from(version));
            conditions.push(format!("pepper <> {version}"));
        }
        if let Some(text) = &query.text {
            conditions.push(self.contains(text));
        }
        conditions
    }

    /// Only ASCII letters match in any case.
    fn contains(&mut self, text: &str) -> String {
        // The texts of keys have none, and the tags are stored as lines.
        if text.contains(char::is_control) {
            return "FALSE".to_owned();
        }
        let place = self.bind(text.to_ascii_lowercase());
        let position = self.position;
        let parts = ["id", "owner", "name", "tags"]
            .map(|column| format!("{position}(lower({column}), {place}) > 0"));
        format!("({})", parts.join(" OR "))
    }

    /// The conditions by state. Each arm is served by an index: the mark `lapsed` tells most expired keys from the others, and
    /// a second arm finds those whose mark is not up to date.
    fn arms(&mut self) -> Vec<Arm> {
        let query = self.query;
        let is_expiring = query.expires_before.is_some();
        if query.state.is_none() && !is_expiring {
            return vec![Arm::listed(String::new())];
        }
        if query.state == Some(KeyState::Revoked) {
            let never = if is_expiring { " AND FALSE" } else { "" };
            return vec![Arm::listed(format!("revoked_ms IS NOT NULL{never}"))];
        }
        if query.state == Some(KeyState::Expired) && is_expiring {
            return vec![Arm::listed("FALSE".to_owned())];
        }
        let now = self.bind(to_millis(query.now));
        let in_time = match query.expires_before {
            None => String::new(),
            Some(limit) => {
                let limit = self.bind(to_millis_above(limit));
                format!(" AND expires_ms < {limit}")
            }
        };
        // Without an index by owner and mark, the mark would only lead away from the index by owner.
        let mark = |lapsed: &'static str| match query.owner.is_some() {
            true => String::new(),
            false => format!("lapsed = {lapsed} AND "),
        };
        let arm = |mark: &str, ends: &str| format!("revoked_ms IS NULL AND {mark}{ends}{in_time}");
        let (live, ended) = (
            format!("expires_ms > {now}"),
            format!("expires_ms <= {now}"),
        );
        let arms = match query.state {
            Some(KeyState::Expired) => [
                Arm::listed(arm(&mark("TRUE"), &ended)),
                Arm::few(arm(&mark("FALSE"), &ended)),
            ],
            _ if is_expiring => [
                Arm::few(arm(&mark("FALSE"), &live)),
                Arm::few(arm(&mark("TRUE"), &live)),
            ],
            _ => [
                Arm::listed(arm(
                    &mark("FALSE"),
                    &format!("(expires_ms IS NULL OR {live})"),
                )),
                Arm::few(arm(&mark("TRUE"), &live)),
            ],
        };
        match query.owner {
            Some(_) => arms.into_iter().take(1).map(Arm::into_listed).collect(),
            None => arms.into(),
        }
    }
}

/// The time of creation, as an expression that no index serves.
const UNINDEXED_CREATED: &str = "created_ms + 0";

/// A part of the selected rows.
struct Arm {
    condition: String,
    /// Whether the rows are few, and to be found by their expiry. In the order of the list, the database would search all
    /// others for them.
    are_few: bool,
}

impl Arm {
    fn listed(condition: String) -> Self {
        Self {
            condition,
            are_few: false,
        }
    }

    fn few(condition: String) -> Self {
        Self {
            condition,
            are_few: true,
        }
    }

    fn into_listed(self) -> Self {
        Self::listed(self.condition)
    }

    fn created(&self) -> &'static str {
        match self.are_few {
            true => UNINDEXED_CREATED,
            false => "created_ms",
        }
    }
}
