//! Counts of durations in buckets of at most 1 % relative width, after the HdrHistogram idea: linear below 128 ns,
//! then 128 buckets for every power of two. Constant memory, no allocation while recording.

use std::time::Duration;

const LINEAR_BITS: u32 = 7;
const BUCKETS_PER_POWER: usize = 1 << LINEAR_BITS;
const POWERS: usize = (u64::BITS - LINEAR_BITS + 1) as usize;

pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; POWERS * BUCKETS_PER_POWER], total: 0, longest: Duration::ZERO }
    }
}

impl Histogram {
    pub fn record(&mut self, duration: Duration) {
        self.counts[bucket(duration.as_nanos() as u64)] += 1;
        self.total += 1;
        self.longest = self.longest.max(duration);
    }

    pub fn total(&self) -> u64 {
        self.total
    }

    /// The duration that `share` (0 to 1) of the recorded ones do not exceed, rounded up to the end of its bucket.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted.max(1) {
                return Duration::from_nanos(bucket_end(index)).min(self.longest);
            }
        }
        self.longest
    }
}

/// The bucket of a value: the power of two it lies in, then its next seven bits.
fn bucket(value: u64) -> usize {
    if value < BUCKETS_PER_POWER as u64 {
        return value as usize;
    }
    let shift = value.ilog2() - LINEAR_BITS;
    let within = (value >> shift) as usize - BUCKETS_PER_POWER;
    (shift as usize + 1) * BUCKETS_PER_POWER + within
}

/// The largest value of a bucket.
fn bucket_end(index: usize) -> u64 {
    if index < BUCKETS_PER_POWER {
        return index as u64;
    }
    let shift = index / BUCKETS_PER_POWER - 1;
    let first = ((BUCKETS_PER_POWER + index % BUCKETS_PER_POWER) as u64) << shift;
    first + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_within_one_percent() {
        for value in [0, 1, 127, 128, 129, 255, 256, 1_000, 123_456, 9_999_999_999, u64::MAX] {
            let end = bucket_end(bucket(value));
            assert!(end >= value && (end - value) as f64 <= value as f64 * 0.01, "{value} in {end}");
        }
    }

    #[test]
    fn quantiles_of_one_to_a_thousand() {
        let mut histogram = Histogram::default();
        (1..=1000).for_each(|micros| histogram.record(Duration::from_micros(micros)));
        let median = histogram.quantile(0.5).as_micros();
        assert!((500..=505).contains(&median), "{median}");
        assert_eq!(histogram.quantile(1.0), Duration::from_micros(1000));
    }
}
