//! The figures, for people and for programs.

mod json;

use std::fmt;

pub(crate) use self::json::json;
use crate::{
    load::{CONNECTIONS, Generator, PHASE, Phase},
    measure::Round,
    service::Kind,
    statistics::{Ratio, median},
};

/// A service that computes less than this, of the time it could have computed in, has been waiting for the load.
const BUSY: f64 = 0.95;

/// The figures of one algorithm.
pub(crate) struct Report {
    pub(super) algorithm: String,
    pub(super) generator: Generator,
    pub(super) pairs: usize,
    pub(super) services: Vec<Figures>,
    pub(super) comparisons: Vec<Comparison>,
}

/// One service by itself: medians over the rounds that count.
pub(super) struct Figures {
    pub(super) kind: Kind,
    pub(super) rate: f64,
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) computing: f64,
    pub(super) server_busy: f64,
    pub(super) server_busy_least: f64,
    pub(super) server_queued: f64,
    pub(super) load_busy: f64,
    pub(super) load_queued: f64,
    /// How many rounds do not count.
    pub(super) disturbed: usize,
}

/// One service against another.
pub(super) struct Comparison {
    pub(super) kind: Kind,
    pub(super) to: Kind,
    /// How many of the rounds count: those that other processes did not disturb.
    pub(super) pairs: usize,
    pub(super) rate: Ratio,
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) computing: f64,
}

impl Report {
    /// Computes them.
    pub(crate) fn new(algorithm: &str, generator: Generator, rounds: &[Round]) -> Self {
        let pairs = [
            (Kind::Floor, Kind::Bare),
            (Kind::Suite, Kind::Bare),
            (Kind::Rival, Kind::Bare),
            (Kind::Suite, Kind::Floor),
            (Kind::Suite, Kind::Rival),
        ];
        Self {
            algorithm: algorithm.to_owned(),
            generator,
            pairs: rounds.len(),
            services: Kind::ALL.map(|kind| Figures::new(kind, rounds)).into(),
            comparisons: pairs
                .map(|(kind, to)| Comparison::new(kind, to, rounds))
                .into(),
        }
    }

    /// What limits what these figures say.
    pub(super) fn caveats(&self) -> impl Iterator<Item = String> {
        self.services.iter().flat_map(|it| {
            let name = it.kind.name();
            let load = it.load_busy * 100.0;
            let waited = (it.waited_for_load() || it.load_was_at_limit()).then(|| {
                format!(
                    "{name} may have waited for the load, which was itself busy {load:.0} % of the time: its ratios \
                     are flattened{}",
                    if it.load_was_at_limit() && self.generator == Generator::Wrk {
                        "; try `--load own`"
                    } else {
                        ""
                    }
                )
            });
            let disturbed = (it.disturbed > 0).then(|| {
                format!("{} rounds of {name} do not count: other processes disturbed them", it.disturbed)
            });
            waited.into_iter().chain(disturbed)
        })
    }
}

impl Figures {
    fn new(kind: Kind, rounds: &[Round]) -> Self {
        let all = || rounds.iter().map(|round| &round[kind as usize]);
        let phases = || all().filter(|phase| !phase.is_disturbed());
        let middle = |figure: fn(&Phase) -> f64| median(phases().map(figure));
        Self {
            kind,
            rate: middle(|phase| phase.rate),
            p50: middle(|phase| phase.p50),
            p99: middle(|phase| phase.p99),
            computing: middle(|phase| phase.computing),
            server_busy: middle(|phase| phase.server_busy),
            server_busy_least: phases()
                .map(|phase| phase.server_busy)
                .fold(f64::INFINITY, f64::min),
            server_queued: middle(|phase| phase.server_queued),
            load_busy: middle(|phase| phase.load_busy),
            load_queued: middle(|phase| phase.load_queued),
            disturbed: all().filter(|phase| phase.is_disturbed()).count(),
        }
    }

    pub(super) fn waited_for_load(&self) -> bool {
        self.server_busy < BUSY * (1.0 - self.server_queued)
    }

    /// Whether the load generator was at its limit. A service that has little to do at a time goes to the kernel more
    /// often for it, so that it looks busy and is not.
    pub(super) fn load_was_at_limit(&self) -> bool {
        self.load_busy > BUSY * (1.0 - self.load_queued)
    }
}

impl Comparison {
    fn new(kind: Kind, to: Kind, rounds: &[Round]) -> Self {
        let quiet: Vec<&Round> = rounds
            .iter()
            .filter(|round| {
                [kind, to]
                    .iter()
                    .all(|&one| !round[one as usize].is_disturbed())
            })
            .collect();
        let ratios = |figure: fn(&Phase) -> f64| -> Vec<f64> {
            quiet
                .iter()
                .map(|round| figure(&round[kind as usize]) / figure(&round[to as usize]))
                .collect()
        };
        Self {
            kind,
            to,
            pairs: quiet.len(),
            rate: Ratio::of(&ratios(|phase| phase.rate)),
            p50: median(ratios(|phase| phase.p50)),
            p99: median(ratios(|phase| phase.p99)),
            computing: median(ratios(|phase| phase.computing)),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}, {} connections of {}, a repeated token, {} rounds of {PHASE:?} each",
            self.algorithm,
            CONNECTIONS,
            self.generator.name(),
            self.pairs
        )?;
        writeln!(
            f,
            "  {:16} {:>10} {:>8} {:>8} {:>10} {:>7} {:>7} {:>7}",
            "medians", "requests/s", "p50 µs", "p99 µs", "CPU µs/req", "busy", "least", "load"
        )?;
        for it in &self.services {
            writeln!(
                f,
                "  {:16} {:10.0} {:8.0} {:8.0} {:10.2} {:6.1}% {:6.1}% {:6.1}%",
                it.kind.name(),
                it.rate,
                it.p50,
                it.p99,
                it.computing,
                it.server_busy * 100.0,
                it.server_busy_least * 100.0,
                it.load_busy * 100.0
            )?;
        }
        writeln!(
            f,
            "  {:16} {:>10} {:>8} {:>8} {:>10} {:>7} {:>7} {:>7}",
            "ratios", "mean", "≥ (95 %)", "median", "CPU/req", "p50", "p99", "pairs"
        )?;
        for it in &self.comparisons {
            writeln!(
                f,
                "  {:16} {:10.4} {:8.4} {:8.4} {:10.3} {:7.3} {:7.3} {:7}",
                format!("{} / {}", it.kind.name(), it.to.name()),
                it.rate.mean,
                it.rate.mean_at_least,
                it.rate.median,
                it.computing,
                it.p50,
                it.p99,
                it.pairs
            )?;
        }
        for caveat in self.caveats() {
            writeln!(f, "  ! {caveat}")?;
        }
        writeln!(f)
    }
}
