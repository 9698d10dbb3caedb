//! What pairs of measurements tell.

/// How often the pairs are drawn anew.
const RESAMPLES: usize = 10_000;

/// A ratio, measured in pairs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ratio {
    /// The mean of the pairs' ratios.
    pub(crate) mean: f64,
    /// The middle one.
    pub(crate) median: f64,
    /// What the mean exceeds with a confidence of 95 %, one-sided, by a bootstrap over the pairs.
    pub(crate) mean_at_least: f64,
}

impl Ratio {
    /// From the ratio of each pair.
    pub(crate) fn of(pairs: &[f64]) -> Self {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let means = (0..RESAMPLES).map(|_| {
            let sum: f64 = (0..pairs.len())
                .map(|_| pairs[random.below(pairs.len())])
                .sum();
            sum / pairs.len() as f64
        });
        Self {
            mean: pairs.iter().sum::<f64>() / pairs.len() as f64,
            median: quantile(pairs.iter().copied(), 0.5),
            mean_at_least: quantile(means, 0.05),
        }
    }
}

/// The middle one.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    quantile(values, 0.5)
}

fn quantile(values: impl IntoIterator<Item = f64>, part: f64) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let at = (values.len().saturating_sub(1)) as f64 * part;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    match (values.get(low), values.get(high)) {
        (Some(low), Some(high)) => low + (high - low) * at.fract(),
        _ => f64::NAN,
    }
}

/// The same numbers in each run, so that figures can be computed again (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % limit as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_pairs_leave_no_doubt() {
        let ratio = Ratio::of(&[0.5; 9]);
        assert_eq!(
            (ratio.mean, ratio.median, ratio.mean_at_least),
            (0.5, 0.5, 0.5)
        );
    }

    #[test]
    fn the_bound_is_that_of_the_normal_distribution() {
        let pairs: Vec<f64> = (0..100).map(|at| f64::from(at) / 100.0).collect();
        let ratio = Ratio::of(&pairs);
        // 0.495 - 1.645 * 0.2887 / 10
        assert!((ratio.mean_at_least - 0.4475).abs() < 0.005, "{ratio:?}");
        assert!((ratio.median - 0.495).abs() < 1e-9);
    }
}
