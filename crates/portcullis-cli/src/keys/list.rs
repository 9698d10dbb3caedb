//! `portcullis keys list`

use std::{process::ExitCode, time::Duration};

use clap::{Args, ValueEnum};
use portcullis_api_key::{Cursor, KeyQuery, KeyRecord, KeyState};
use portcullis_core::{
    clock::{Clock, SystemClock, UnixTime},
    log::escape,
};

use super::{
    notes::failed,
    record::{day, to_json},
    store::{Missing, StoreArgs},
    table::Table,
};
use crate::{
    output::{self, JsonArray, Outcome},
    values,
};

#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    store: StoreArgs,
    /// Only keys of this owner.
    #[arg(long)]
    owner: Option<String>,
    /// Only keys in this state.
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Only active keys that expire within this time, such as 14d.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    expiring_within: Option<Duration>,
    /// Only keys whose id, owner, name or a tag contains this text.
    #[arg(long)]
    text: Option<String>,
    /// Only keys without a pepper, or with another than this version.
    #[arg(long, value_name = "VERSION")]
    other_pepper_than: Option<u32>,
    /// The most keys to list; 50 by default.
    #[arg(long, value_name = "KEYS", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// List all keys.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Go on where another list ended, which printed this.
    #[arg(long)]
    cursor: Option<Cursor>,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    Active,
    Expired,
    Revoked,
}

/// How many records are held in memory at a time.
const PAGE: usize = 1_000;

pub(super) async fn run(list: List) -> Outcome {
    let store = list.store.open(Missing::Rejected).await?;
    let now = SystemClock.now();
    let mut query = list.query(now);
    let has_place = list.all || list.limit.is_some() || list.cursor.is_some();
    let is_whole_file = store.file.is_some() && !has_place;
    let mut printer = Printer::new(list.json, now);
    let mut left = match (list.all || is_whole_file, list.limit) {
        (true, _) => usize::MAX,
        (false, limit) => limit.map_or(50, |limit| limit as usize),
    };
    loop {
        query.limit = match is_whole_file {
            true => left,
            false => left.min(PAGE),
        };
        let mut page = store.manager.page(&query).await.map_err(failed)?;
        if is_whole_file {
            page.keys.reverse();
        }
        printer.print(&page.keys)?;
        left -= page.keys.len();
        query.after = page.next;
        if left == 0 || page.next.is_none() {
            break;
        }
    }
    printer.end()?;
    if let Some(cursor) = query.after {
        output::note(format_args!(
            "there are more keys: --cursor {cursor} lists the next ones, and --all lists all"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

impl List {
    fn query(&self, now: UnixTime) -> KeyQuery {
        let mut query = KeyQuery::new(now);
        query.owner = self.owner.as_deref().map(Into::into);
        query.state = self.state.map(|state| match state {
            State::Active => KeyState::Active,
            State::Expired => KeyState::Expired,
            State::Revoked => KeyState::Revoked,
        });
        query.expires_before = self.expiring_within.map(|time| now.saturating_add(time));
        query.text = self.text.as_deref().map(Into::into);
        query.other_pepper_than = self.other_pepper_than;
        query.after = self.cursor;
        query
    }
}

enum Printer {
    Json(JsonArray, UnixTime),
    /// The head is printed with the first page.
    Table(Box<(Table<8>, Option<[String; 8]>)>, UnixTime),
}

impl Printer {
    fn new(json: bool, now: UnixTime) -> Self {
        if json {
            return Self::Json(JsonArray::default(), now);
        }
        let (table, head) = Table::begin([
            "ID",
            "STATE",
            "OWNER",
            "NAME",
            "CREATED",
            "EXPIRES",
            "LAST USED",
            "SCOPES",
        ]);
        Self::Table(Box::new((table, Some(head))), now)
    }

    fn print(&mut self, records: &[KeyRecord]) -> std::io::Result<()> {
        match self {
            Self::Json(array, now) => records
                .iter()
                .try_for_each(|record| array.push(&to_json(record, *now))),
            Self::Table(table, now) => {
                let (table, head) = &mut **table;
                let rows = records.iter().map(|record| row(record, *now));
                let rows: Vec<_> = head.take().into_iter().chain(rows).collect();
                match rows.is_empty() {
                    true => Ok(()),
                    false => output::line(format_args!("{}", table.lines(&rows))),
                }
            }
        }
    }

    fn end(self) -> std::io::Result<()> {
        match self {
            Self::Json(array, _) => array.end(),
            Self::Table(..) => Ok(()),
        }
    }
}

fn row(record: &KeyRecord, now: UnixTime) -> [String; 8] {
    let state = record.state(now).as_str();
    [
        record.id.to_string(),
        match &record.successor {
            Some(new) => format!("{state}, rotated -> {new}"),
            None => state.to_owned(),
        },
        escape(&record.owner),
        escape(&record.name),
        day(record.created_at),
        record.expires_at.map_or("never".to_owned(), day),
        record.last_used_at.map_or("-".to_owned(), day),
        record.scopes.to_string(),
    ]
}
