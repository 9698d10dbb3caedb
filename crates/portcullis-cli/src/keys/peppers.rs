//! The file of `--peppers`.
//!
//! ```toml
//! current = 2   # the version that new keys get; may be left out if there is only one
//! 1 = "BASE64"  # at least 32 bytes
//! 2 = "BASE64"
//! ```

use std::{error::Error, os::unix::fs::PermissionsExt, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use portcullis_api_key::Peppers;
use portcullis_core::Secret;
use toml::de::{DeTable, DeValue};

/// The peppers of a file.
#[derive(Clone, Debug)]
pub(super) struct PepperFile {
    current: u32,
    versions: Vec<(u32, Secret)>,
}

impl PepperFile {
    /// Reads the file, which other users must not be able to read.
    pub(super) fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        const MAX_BYTES: u64 = 64 * 1024;

        let shown = path.display();
        let failed = |problem: String| -> Box<dyn Error> {
            format!("the file of peppers {shown}: {problem}").into()
        };
        let read = || {
            let file = std::fs::File::open(path)?;
            let metadata = file.metadata()?;
            Ok((portcullis_file::read_bounded(file, MAX_BYTES)?, metadata))
        };
        let (bytes, metadata) =
            read().map_err(|error: std::io::Error| failed(error.to_string()))?;
        // The mode of a pipe does not matter.
        if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
            let problem = "other users may read or write it: `chmod 600` it, and if they could, use a new pepper";
            return Err(failed(problem.to_owned()));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| failed("it is not UTF-8".to_owned()))?;
        let file = parse(text).map_err(failed)?;
        file.peppers()
            .map_err(|error| failed(error.problem().to_owned()))?;
        Ok(file)
    }

    /// All peppers, of which new keys get the current one.
    pub(super) fn peppers(&self) -> Result<Peppers, portcullis_core::ConfigError> {
        let is_current = |(version, _): &&(u32, Secret)| *version == self.current;
        let (current, others): (Vec<_>, Vec<_>) = self.versions.iter().partition(is_current);
        let mut all = current.into_iter().chain(others);
        let Some((version, pepper)) = all.next() else {
            return Err(portcullis_core::ConfigError::new(
                "peppers",
                "there is none",
            ));
        };
        let first = Peppers::new(*version, pepper)?;
        all.try_fold(first, |peppers, (version, pepper)| {
            peppers.with_previous(*version, pepper)
        })
    }

    /// The pepper of a version alone.
    pub(super) fn only(&self, version: u32) -> Option<Peppers> {
        let (_, pepper) = self.versions.iter().find(|(found, _)| *found == version)?;
        Peppers::new(version, pepper).ok()
    }

    pub(super) fn versions(&self) -> impl Iterator<Item = u32> {
        self.versions.iter().map(|(version, _)| *version)
    }
}

/// Problems name the line, and never repeat its content.
fn parse(text: &str) -> Result<PepperFile, String> {
    let at = |span: std::ops::Range<usize>, problem: &str| {
        let before = text.as_bytes().iter().take(span.start);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        format!("line {line}: {problem}")
    };
    let table = DeTable::parse(text).map_err(|error| {
        at(
            error.span().unwrap_or_default(),
            "write VERSION = \"BASE64\"",
        )
    })?;
    let mut current = None;
    let mut versions = Vec::new();
    for (name, value) in table.into_inner() {
        let span = value.span();
        if name.get_ref() == "current" {
            let number = match value.get_ref() {
                DeValue::Integer(number) => number.as_str().parse().ok(),
                _ => None,
            };
            current = Some(number.ok_or_else(|| at(span, "`current` must be a version"))?);
            continue;
        }
        let version: u32 = name.get_ref().parse().map_err(|_| {
            at(
                name.span(),
                "the name must be `current` or a version, which is a whole number",
            )
        })?;
        let encoded = value.get_ref().as_str();
        let pepper = encoded
            .and_then(|encoded| BASE64_STANDARD.decode(encoded).ok())
            .ok_or_else(|| at(span, "the pepper must be in base64, in quotes"))?;
        versions.push((version, Secret::new(pepper)));
    }
    let current = match (current, versions.as_slice()) {
        (_, []) => return Err("it has no pepper: add VERSION = \"BASE64\"".to_owned()),
        (Some(current), versions) if versions.iter().all(|(version, _)| *version != current) => {
            return Err(format!(
                "`current` is {current}, but there is no pepper of this version"
            ));
        }
        (Some(current), _) => current,
        (None, [(version, _)]) => *version,
        (None, _) => {
            return Err(
                "there are several peppers: add `current = VERSION`, the version for new keys"
                    .to_owned(),
            );
        }
    };
    Ok(PepperFile { current, versions })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pepper(fill: u8) -> String {
        BASE64_STANDARD.encode([fill; 32])
    }

    #[test]
    fn current_pepper_is_named_or_alone() {
        let alone = parse(&format!("7 = \"{}\"\n", pepper(1))).expect("peppers");
        assert_eq!(alone.current, 7);
        let both = format!(
            "current = 1\n1 = \"{}\"\n2 = \"{}\"\n",
            pepper(1),
            pepper(2)
        );
        let both = parse(&both).expect("peppers");
        assert_eq!((both.current, both.versions.len()), (1, 2));
        assert!(both.peppers().is_ok() && both.only(2).is_some() && both.only(3).is_none());
    }

    #[test]
    fn malformed_file_is_rejected_without_its_content() {
        let good = pepper(1);
        for (text, problem) in [
            (String::new(), "no pepper"),
            (format!("1 = {good}"), "line 1"),
            (format!("\n1 = \"{good}!\""), "line 2"),
            (format!("a = \"{good}\""), "line 1"),
            (
                format!("1 = \"{good}\"\n2 = \"{good}\""),
                "current = VERSION",
            ),
            (
                format!("current = 3\n1 = \"{good}\""),
                "no pepper of this version",
            ),
            (format!("1 = \"{good}\"\n1 = \"{good}\""), "line 2"),
        ] {
            let error = parse(&text).expect_err(&text);
            assert!(error.contains(problem), "{text}: {error}");
            assert!(!error.contains(&good[..8]), "{error}");
        }
    }
}
