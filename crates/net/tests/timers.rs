//! The timer wheel against a plain list.

#![allow(clippy::unwrap_used)]

mod sockets;

use net::timers::Timers;
use sockets::Random;

const TICK: u64 = 64;

fn expire(timers: &mut Timers, now: u64) -> Vec<usize> {
    let mut due = Vec::new();
    timers.expire(now, &mut due);
    due.sort_unstable();
    due
}

#[test]
fn never_early_and_late_by_at_most_one_tick() {
    for start in [0, 1, 63, 64, 1_000_003] {
        for delay in [1, 2, 63, 64, 65, 128, 5_000, 65_535, 65_536, 65_537, 65_600, 131_072, 3_600_000] {
            let mut timers = Timers::new(start);
            timers.insert(9, start + delay);
            assert_eq!(expire(&mut timers, start + delay - 1), [0; 0], "{start} + {delay}");
            let at = timers.next().unwrap();
            assert!((start + delay..start + delay + TICK).contains(&at), "{start} + {delay}: {at}");
            assert_eq!(expire(&mut timers, at - 1), [0; 0]);
            assert_eq!(expire(&mut timers, at), [9]);
            assert_eq!((timers.next(), timers.len(), timers.is_empty()), (None, 0, true));
        }
    }
}

#[test]
fn past_deadlines_come_with_the_next_tick() {
    let mut timers = Timers::new(1_000);
    for (key, at) in [(1, 0), (2, 999), (3, 1_000)] {
        timers.insert(key, at);
    }
    assert!(timers.next().unwrap() <= 1_000 + TICK);
    assert_eq!(expire(&mut timers, 1_000 + TICK), [1, 2, 3]);
}

#[test]
fn due_keys_are_appended_and_a_key_may_come_twice() {
    let mut timers = Timers::new(0);
    timers.insert(5, 100);
    timers.insert(5, 200);
    let mut due = vec![1];
    timers.expire(150, &mut due);
    assert_eq!((&due[..], timers.len()), (&[1, 5][..], 1));
    timers.expire(10, &mut due);
    assert_eq!(due.len(), 2, "a clock that runs backwards does nothing");
}

#[test]
fn a_long_sleep_brings_everything_at_once() {
    let mut timers = Timers::new(0);
    for key in 0..10_000 {
        timers.insert(key, key as u64 * 97);
    }
    assert_eq!(expire(&mut timers, u64::MAX / 2), (0..10_000).collect::<Vec<_>>());
}

#[test]
fn the_end_of_time_is_no_trouble() {
    let mut timers = Timers::new(0);
    timers.insert(1, u64::MAX);
    assert_eq!(timers.next(), Some(u64::MAX));
    assert_eq!(expire(&mut timers, u64::MAX - TICK), [0; 0]);
    timers.insert(2, 0);
    assert_eq!(timers.len(), 2);
}

/// An entry of the model: key, deadline, time of insertion.
type Entry = (usize, u64, u64);

/// Checks that what came up at `now` was due, and that nothing due for longer than a tick is left.
fn check(model: &mut Vec<Entry>, due: &[usize], now: u64) {
    for key in due {
        let place = model.iter().position(|entry| entry.0 == *key).expect("comes up once");
        assert!(model.swap_remove(place).1 <= now, "never early");
    }
    assert!(model.iter().all(|(_, at, inserted)| now < at.max(inserted) + TICK), "late by one tick at most");
}

#[test]
fn behaves_like_a_list() {
    for seed in 1..=40 {
        let mut random = Random::new(seed);
        let mut now = random.below(1 << 40);
        let mut timers = Timers::new(now);
        let mut model: Vec<Entry> = Vec::new();
        for key in 0..3_000 {
            // Distances of every magnitude, from below a tick to a day.
            for _ in 0..random.below(3) {
                let magnitude = 1 << random.below(27);
                let at = (now + random.below(magnitude)).saturating_sub(random.below(100));
                let key = key * 2 + model.len() % 2;
                if model.iter().all(|entry| entry.0 != key) {
                    timers.insert(key, at);
                    model.push((key, at, now));
                }
            }
            match (random.below(4), timers.next()) {
                (0, Some(next)) => {
                    assert!(next > now);
                    assert_eq!(expire(&mut timers, next - 1), [0; 0], "`next` is not too late");
                    now = next;
                    let due = expire(&mut timers, now);
                    assert!(!due.is_empty(), "nor too early");
                    check(&mut model, &due, now);
                }
                _ => {
                    let magnitude = 1 << random.below(18);
                    now += random.below(magnitude);
                    check(&mut model, &expire(&mut timers, now), now);
                }
            }
            assert_eq!(timers.len(), model.len());
        }
        check(&mut model, &expire(&mut timers, now + (1 << 28)), now + (1 << 28));
        assert!(model.is_empty() && timers.is_empty());
    }
}
