//! The figures that are asked for most, as a picture.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::Failure;
use crate::shell::root;

const RUN: &str = "RS256, one token";
const LEFT: f64 = 250.0;
const WIDTH: f64 = 460.0;
const ROW: f64 = 26.0;
const TOP: f64 = 48.0;
/// The powers of ten, in nanoseconds, between which the bars lie.
const DECADES: std::ops::RangeInclusive<u32> = 2..=6;

/// Draws what one repeated RS256 token costs through axum, and beside it the bare functions.
///
/// # Errors
///
/// When the figures cannot be read or the picture cannot be written.
pub(super) fn write(figures: &Path) -> Result<(), Failure> {
    let explain = |error: &dyn std::fmt::Display| format!("{}: {error}", figures.display());
    let text = fs::read(figures).map_err(|error| explain(&error))?;
    let figures: Value = serde_json::from_slice(&text).map_err(|error| explain(&error))?;
    let mut bars: Vec<(&str, f64)> = figures["timings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|row| {
            row["run"] == RUN && (row["through"] == "axum" || row["through"] == "function")
        })
        .filter_map(|row| {
            let over_bare = row["over_bare"].as_f64();
            let alone = (row["through"] == "function")
                .then(|| row["ns"].as_f64())
                .flatten();
            Some((row["contender"].as_str()?, over_bare.or(alone)?))
        })
        .collect();
    bars.sort_by(|one, other| one.1.total_cmp(&other.1));
    let path = root().join("docs/performance.svg");
    fs::write(&path, svg(&bars)).map_err(|error| format!("{}: {error}", path.display()))
}

fn svg(bars: &[(&str, f64)]) -> String {
    let height = TOP + ROW * bars.len() as f64 + 34.0;
    let total = LEFT + WIDTH + 90.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {total} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"24\" font-size=\"15\">One RS256 token, repeated, through axum: nanoseconds over the bare route (logarithmic)</text>\n"
    );
    let bottom = TOP + ROW * bars.len() as f64;
    for decade in DECADES {
        let x = position(10_f64.powi(decade as i32));
        let label = match decade {
            0..=2 => format!("{} ns", 10_u32.pow(decade)),
            _ => format!("{} µs", 10_u32.pow(decade - 3)),
        };
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\" stroke=\"#ddd\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#666\">{label}</text>",
            bottom + 18.0
        );
    }
    for (index, (name, nanoseconds)) in bars.iter().enumerate() {
        let y = TOP + ROW * index as f64;
        let color = if name.starts_with("portcullis") {
            "#1f6f50"
        } else {
            "#9aa5b1"
        };
        let (x, end) = (position(100.0), position(*nanoseconds));
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>\n\
             <rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"16\" fill=\"{color}\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\">{nanoseconds:.0}</text>",
            LEFT - 10.0,
            y + 17.0,
            y + 4.0,
            (end - x).max(1.0),
            end + 6.0,
            y + 17.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn position(nanoseconds: f64) -> f64 {
    let (first, last) = (f64::from(*DECADES.start()), f64::from(*DECADES.end()));
    LEFT + WIDTH * ((nanoseconds.max(1.0).log10() - first) / (last - first)).clamp(0.0, 1.0)
}
