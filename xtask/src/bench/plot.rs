//! The figures that are asked for most, as a picture.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::json::{grouped, list, text};
use super::part::{Outcome, Part};
use crate::Failure;

const ALGORITHMS: [&str; 2] = ["RS256", "ES256"];
/// Where the axis begins: the names stand left of it.
const LEFT: f64 = 240.0;
const WIDTH: f64 = 480.0;
/// For the number behind the longest bar.
const RIGHT: f64 = 80.0;
const ROW: f64 = 24.0;
const BAR: f64 = 14.0;
/// For what stands above the bars of a panel, and below.
const ABOVE: f64 = 34.0;
const BELOW: f64 = 34.0;
const TITLE: f64 = 34.0;

/// One contender.
type Bar<'a> = (&'a str, f64);

/// Draws what one repeated token costs through axum.
///
/// # Errors
///
/// When the figures have another form than expected, or the picture cannot be written. Where there are no figures, the
/// picture stays as it is.
pub(super) fn write(outcomes: &[(&Part, Outcome)], path: &Path) -> Result<(), Failure> {
    let mut outcomes = outcomes.iter();
    let Some((_, Outcome::Taken(figures))) = outcomes.find(|(part, _)| part.name == "latency")
    else {
        return Ok(());
    };
    let panels = ALGORITHMS
        .iter()
        .map(|algorithm| Ok((*algorithm, bars(list(figures, "timings")?, algorithm))))
        .collect::<Result<Vec<_>, Failure>>()?;
    fs::write(path, svg(&panels)).map_err(|error| format!("{}: {error}", path.display()))
}

fn bars<'a>(timings: &'a [Value], algorithm: &str) -> Vec<Bar<'a>> {
    let run = format!("{algorithm}, one token");
    let rows = timings
        .iter()
        .filter(|row| text(row, "run") == run && text(row, "through") == "axum");
    let mut bars: Vec<Bar<'_>> = rows
        .filter_map(|row| Some((text(row, "contender"), row["over_bare"].as_f64()?)))
        .collect();
    bars.sort_by(|one, other| one.1.total_cmp(&other.1));
    bars
}

fn svg(panels: &[(&str, Vec<Bar<'_>>)]) -> String {
    let axis = Axis::of(panels.iter().flat_map(|(_, bars)| bars));
    let panel = |bars: &[Bar<'_>]| ABOVE + ROW * bars.len() as f64 + BELOW;
    let (width, height) = (
        LEFT + WIDTH + RIGHT,
        TITLE + panels.iter().map(|(_, bars)| panel(bars)).sum::<f64>(),
    );
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img"
font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#222">
<title>Nanoseconds a request over bare axum, one token again and again</title>
<rect width="{width}" height="{height}" fill="#fff"/>
<text x="12" y="24" font-size="14">Nanoseconds a request over bare axum, one token again and again (logarithmic)</text>
"##
    );
    let mut top = TITLE;
    for (algorithm, bars) in panels {
        draw(&mut svg, &axis, algorithm, bars, top);
        top += panel(bars);
    }
    svg + "</svg>\n"
}

/// One algorithm. Writing to a string does not fail.
fn draw(svg: &mut String, axis: &Axis, algorithm: &str, bars: &[Bar<'_>], top: f64) {
    let (first, last) = (top + ABOVE, top + ABOVE + ROW * bars.len() as f64);
    let name = LEFT - 8.0;
    let _ = writeln!(
        svg,
        r#"<text x="{name}" y="{:.1}" text-anchor="end" font-weight="bold">{algorithm}</text>"#,
        first - 8.0
    );
    for power in axis.first..=axis.last {
        let nanoseconds = 10_f64.powi(power);
        let _ = writeln!(
            svg,
            r##"<line x1="{x:.1}" x2="{x:.1}" y1="{first:.1}" y2="{last:.1}" stroke="#ddd"/>
<text x="{x:.1}" y="{:.1}" text-anchor="middle" fill="#666">{}</text>"##,
            last + 16.0,
            grouped(nanoseconds, 0),
            x = axis.position(nanoseconds),
        );
    }
    for (at, (contender, nanoseconds)) in bars.iter().enumerate() {
        let (y, end) = (first + ROW * at as f64, axis.position(*nanoseconds));
        let baseline = y + ROW / 2.0 + 4.0;
        let color = if contender.starts_with("portcullis") {
            "#2b6a99"
        } else {
            "#a9b4be"
        };
        let _ = writeln!(
            svg,
            r#"<text x="{name}" y="{baseline:.1}" text-anchor="end">{}</text>
<rect x="{LEFT}" y="{:.1}" width="{:.1}" height="{BAR}" fill="{color}"/>
<text x="{:.1}" y="{baseline:.1}">{}</text>"#,
            escaped(contender),
            y + (ROW - BAR) / 2.0,
            (end - LEFT).max(1.0),
            end.max(LEFT) + 6.0,
            grouped(*nanoseconds, 0),
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Powers of ten of nanoseconds.
struct Axis {
    first: i32,
    last: i32,
}

impl Axis {
    /// One that has room for all of these.
    fn of<'a>(bars: impl Iterator<Item = &'a Bar<'a>>) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 1.0_f64);
        for (_, nanoseconds) in bars {
            least = least.min(nanoseconds.max(1.0));
            most = most.max(*nanoseconds);
        }
        let first = if least.is_finite() {
            least.log10().floor() as i32
        } else {
            0
        };
        Self {
            first,
            last: (most.log10().ceil() as i32).max(first + 1),
        }
    }

    fn position(&self, nanoseconds: f64) -> f64 {
        let power = nanoseconds.max(1.0).log10() - f64::from(self.first);
        LEFT + WIDTH * power / f64::from(self.last - self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_has_room_for_all() {
        let bars = [("one", 337.0), ("two", 124_377.0)];
        let axis = Axis::of(bars.iter());
        assert_eq!((axis.first, axis.last), (2, 6));
        assert_eq!(axis.position(100.0), LEFT);
        assert_eq!(axis.position(1e6), LEFT + WIDTH);
        let none = Axis::of([].iter());
        assert_eq!((none.first, none.last), (0, 1));
    }

    #[test]
    fn names_are_escaped() {
        assert!(svg(&[("RS256", vec![("a<b", 10.0)])]).contains("a&lt;b"));
    }
}
