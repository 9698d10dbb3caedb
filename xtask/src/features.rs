//! The feature sets that each crate of the workspace is checked with.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::Failure;
use crate::shell::{cargo, output};

/// A crate and the feature sets to check it with, as comma-separated lists.
pub(crate) struct FeatureSets {
    pub(crate) package: String,
    pub(crate) sets: Vec<String>,
}

/// Reads the feature sets of every crate from the manifests.
///
/// # Errors
///
/// When `cargo metadata` fails.
pub(crate) fn of_workspace() -> Result<Vec<FeatureSets>, Failure> {
    Ok(packages()?
        .iter()
        .map(|package| FeatureSets {
            package: package["name"].as_str().unwrap_or_default().to_owned(),
            sets: distinct_sets(&declared(&package["features"])),
        })
        .collect())
}

fn packages() -> Result<Vec<Value>, Failure> {
    let metadata = output(&mut cargo(["metadata", "--format-version=1", "--no-deps"]))?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|error| error.to_string())?;
    Ok(metadata["packages"].as_array().cloned().unwrap_or_default())
}

/// Each feature, with the features that it enables.
type Features = BTreeMap<String, BTreeSet<String>>;

fn declared(features: &Value) -> Features {
    let features = features.as_object().into_iter().flatten();
    features
        .filter(|(name, _)| *name != "default")
        .map(|(name, enables)| {
            let enables = enables
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            (name.clone(), enables.map(str::to_owned).collect())
        })
        .collect()
}

/// No feature, each one, each pair, and all, without sets that are equal once implied features are added. No item
/// depends on more than two features, so larger sets would find nothing new.
fn distinct_sets(features: &Features) -> Vec<String> {
    let names: Vec<&str> = features.keys().map(String::as_str).collect();
    let all = (1_u32 << names.len()) - 1;
    let closures: BTreeSet<BTreeSet<&str>> = (0..=all)
        .filter(|set| set.count_ones() <= 2 || *set == all)
        .map(|set| {
            let chosen = names
                .iter()
                .enumerate()
                .filter(|(index, _)| set & (1 << index) != 0);
            let mut closure = BTreeSet::new();
            for (_, name) in chosen {
                close(name, features, &mut closure);
            }
            closure
        })
        .collect();
    closures
        .into_iter()
        .map(|set| set.into_iter().collect::<Vec<_>>().join(","))
        .collect()
}

fn close<'a>(name: &'a str, features: &'a Features, closure: &mut BTreeSet<&'a str>) {
    if let Some(enables) = features.get(name)
        && closure.insert(name)
    {
        for enabled in enables {
            close(enabled, features, closure);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_sets_are_checked_once() {
        let features = declared(&json!({
            "default": ["file"],
            "keys": ["dep:digest"],
            "file": ["keys", "dep:toml"],
            "axum": [],
        }));
        let sets = distinct_sets(&features);
        assert_eq!(
            sets,
            [
                "",
                "axum",
                "axum,file,keys",
                "axum,keys",
                "file,keys",
                "keys"
            ]
        );
    }

    /// rustc names the feature of the crate that an item is in; users of the facade must find it under that name.
    #[test]
    fn the_facade_offers_every_feature_of_its_crates_by_the_same_name() {
        let packages = packages().expect("the workspace's packages");
        let named = |name: &str| {
            let mut packages = packages.iter();
            packages.find(|package| package["name"] == name)
        };
        let facade = named("portcullis").expect("the facade");
        let offered = declared(&facade["features"]);
        let dependencies = facade["dependencies"].as_array().expect("a list");
        let mut behind = dependencies
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| named(dependency["name"].as_str()?))
            .peekable();
        assert!(behind.peek().is_some(), "the facade re-exports crates");
        for package in behind {
            let name = package["name"].as_str().expect("a name");
            for feature in declared(&package["features"]).keys() {
                if (name, feature.as_str()) == ("portcullis-oauth", "client-auth") {
                    continue; // on with the facade's `client`, whose items it gates
                }
                let enables = offered.get(feature);
                assert!(
                    enables.is_some_and(|enables| enables.contains(&format!("{name}/{feature}"))),
                    "portcullis must offer the feature `{feature}` of {name}"
                );
            }
        }
    }

    #[test]
    fn a_crate_without_features_has_the_empty_set_alone() {
        assert_eq!(distinct_sets(&declared(&json!({}))), [""]);
    }
}
