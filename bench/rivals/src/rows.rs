//! Contenders set up at a site, each through each way it can be had.

use std::{thread, time::Duration};

use http::HeaderMap;

use crate::{
    Built, Load, Options, Rival, Site, Target, Through, bare::Baseline, contenders::SUITE,
};

/// How often a contender is asked to accept a good token before it is given up, for those that fetch keys at leisure.
const ATTEMPTS: usize = 40;

/// One contender, one way.
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// The way.
    pub through: Through,
    /// What it is measured over.
    pub baseline: Baseline,
    /// Whether it is to be shown its tokens first.
    pub remembers: bool,
    /// It.
    pub target: Box<dyn Target>,
}

/// One that is not there.
#[derive(Clone, Debug)]
pub struct Missing {
    /// Its name.
    pub name: &'static str,
    /// What for: the algorithm.
    pub algorithm: String,
    /// Which way.
    pub through: Through,
    /// Why.
    pub reason: String,
}

/// Sets up all that are wanted, and makes sure that they accept a good token.
pub fn entries(
    site: &Site,
    rivals: &[Box<dyn Rival>],
    options: &Options,
) -> (Vec<Entry>, Vec<Missing>) {
    let good = Load::tokens(&[site.builder().mint()]).next_headers();
    let (mut entries, mut missing) = (Vec::new(), Vec::new());
    for rival in rivals
        .iter()
        .filter(|rival| is_wanted(rival.as_ref(), options))
    {
        for through in rival.ways() {
            let entry = entry(site, rival.as_ref(), *through);
            match entry.and_then(|entry| accepting(site, entry, &good)) {
                Ok(entry) => entries.push(entry),
                Err(reason) => missing.push(Missing {
                    name: rival.name(),
                    algorithm: site.algorithm().to_string(),
                    through: *through,
                    reason,
                }),
            }
        }
    }
    (entries, missing)
}

fn is_wanted(rival: &dyn Rival, options: &Options) -> bool {
    let name = rival.name();
    name == SUITE || options.wants(name)
}

fn entry(site: &Site, rival: &dyn Rival, through: Through) -> Result<Entry, String> {
    let Built { target, baseline } = rival.build(site, through).map_err(|absent| absent.0)?;
    Ok(Entry {
        name: rival.name(),
        through,
        baseline,
        remembers: rival.remembers(),
        target,
    })
}

fn accepting(site: &Site, mut entry: Entry, good: &HeaderMap) -> Result<Entry, String> {
    let mut verdict = entry.target.verdict(&site.runtime, good);
    for _ in 0..ATTEMPTS {
        if verdict.is_accepted() {
            return Ok(entry);
        }
        thread::sleep(Duration::from_millis(50));
        verdict = entry.target.verdict(&site.runtime, good);
    }
    Err(format!("a good token: {verdict}"))
}

/// The services without a check that these are measured over.
#[must_use]
pub fn baselines(entries: &[Entry]) -> Vec<Entry> {
    let mut bare: Vec<Entry> = Vec::new();
    for entry in entries {
        let key = (entry.baseline, entry.through);
        if bare.iter().any(|bare| (bare.baseline, bare.through) == key) {
            continue;
        }
        if let Some(target) = entry.baseline.target(entry.through) {
            bare.push(Entry {
                name: entry.baseline.name(),
                through: entry.through,
                baseline: entry.baseline,
                remembers: false,
                target,
            });
        }
    }
    bare
}
