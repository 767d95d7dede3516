//! The slab against a map, and keys that outlive their value.

#![allow(clippy::unwrap_used)]

mod sockets;

use std::collections::{HashMap, HashSet};

use net::slab::Slab;
use sockets::Random;

const INDEX: usize = (1 << (usize::BITS / 2)) - 1;

#[test]
fn stale_keys_find_nothing() {
    let mut slab = Slab::new();
    let keeper = slab.insert("keeper");
    let old = slab.insert("old");
    assert_eq!(slab.remove(old), Some("old"));
    assert_eq!(slab.remove(old), None);
    let new = slab.insert("new");
    assert_eq!(new & INDEX, old & INDEX, "the index is reused");
    assert_ne!(new, old, "the generation is not");
    assert_eq!(slab.get_mut(old), None);
    assert_eq!(slab.get(old), None);
    assert_eq!(slab.remove(old), None);
    assert_eq!((slab.get(new), slab.get(keeper)), (Some(&"new"), Some(&"keeper")));
}

#[test]
fn keys_stay_stale_when_the_slab_was_empty_in_between() {
    let mut slab = Slab::new();
    let old: Vec<_> = (0..1000).map(|number| slab.insert(number)).collect();
    for key in &old {
        slab.remove(*key);
    }
    assert!(slab.is_empty());
    for _ in 0..2000 {
        slab.insert(1);
    }
    assert!(old.iter().all(|key| slab.get(*key).is_none()));
}

#[test]
fn some_numbers_are_never_keys() {
    let mut slab = Slab::new();
    let key = slab.insert(());
    assert_eq!((key & INDEX, slab.get(0), slab.get(usize::MAX), slab.get(INDEX)), (0, None, None, None));
}

#[test]
fn behaves_like_a_map() {
    let (mut slab, mut map, mut issued) = (Slab::new(), HashMap::new(), Vec::new());
    let mut seen = HashSet::new();
    let mut random = Random::new(0x5eed);
    for step in 0..100_000_u64 {
        // Waves: mostly growing, then mostly shrinking.
        if random.below(100) < if step / 5_000 % 2 == 0 { 60 } else { 35 } {
            let key = slab.insert(step);
            assert!(seen.insert(key), "no key is issued twice");
            map.insert(key, step);
            issued.push(key);
        } else if !issued.is_empty() {
            // Half of the time among the last 50 keys, which mostly live.
            let range = if random.below(2) == 0 { issued.len() } else { issued.len().min(50) };
            let key = issued[issued.len() - 1 - random.below(range as u64) as usize];
            assert_eq!(slab.get(key), map.get(&key));
            if let Some(value) = slab.get_mut(key) {
                *value += 1;
                *map.get_mut(&key).unwrap() += 1;
            }
            assert_eq!(slab.remove(key), map.remove(&key));
        }
        assert_eq!((slab.len(), slab.is_empty()), (map.len(), map.is_empty()));
    }
    assert_eq!(slab.keys().collect::<HashSet<_>>(), map.keys().copied().collect());
    assert_eq!(slab.keys().count(), slab.len());
}
