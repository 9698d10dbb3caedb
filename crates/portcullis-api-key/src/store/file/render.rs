//! Writes the content of a key file, as `document.rs` reads it.

use toml::Value;

use super::{document::VERSION, time::to_rfc3339};
use crate::record::KeyRecord;

pub(super) fn render(records: &[KeyRecord]) -> String {
    // `version`, which is required, follows `count`: a file that is cut after `count` is malformed.
    let mut text = format!(
        "# API keys, written by `portcullis keys`. Only digests are stored, not the keys.\n\
         # Comments are lost when the file is next written.\n\
         count = {}\n\
         version = {VERSION}\n",
        records.len()
    );
    for record in records {
        let quoted = |text: &str| format!("\"{text}\"");
        let scopes: Vec<_> = record.scopes.iter().collect();
        let expires_at = record.expires_at.map(to_rfc3339);
        let mut fields = vec![
            ("id", quoted(record.id.as_str())),
            ("digest", quoted(&record.digest.to_string())),
            ("prefix", quoted(record.prefix.as_str())),
            ("owner", Value::from(&*record.owner).to_string()),
            ("scopes", Value::from(scopes).to_string()),
            ("created_at", to_rfc3339(record.created_at)),
            ("expires_at", expires_at.unwrap_or(quoted("never"))),
        ];
        fields.extend(record.revoked_at.map(|at| ("revoked_at", to_rfc3339(at))));
        fields.extend((record.successor).map(|id| ("successor", quoted(id.as_str()))));
        // The last field is a required one: a file that is cut within an entry is malformed.
        let revision = record.revision.min(i64::MAX as u64);
        fields.push(("revision", revision.to_string()));
        text.push_str("\n[[keys]]\n");
        for (name, value) in fields {
            text.push_str(&format!("{name} = {value}\n"));
        }
    }
    text
}
