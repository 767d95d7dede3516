//! When much has gone.

use net::memory::{Tide, give_back};

const MIB: usize = 1 << 20;

#[test]
fn half_of_the_most_must_have_gone() {
    let mut tide = Tide::default();
    tide.rises(100 * MIB);
    tide.rises(60 * MIB);
    assert!(!tide.ebbs(51 * MIB));
    assert!(tide.ebbs(50 * MIB));
    assert!(!tide.ebbs(50 * MIB), "told once");
    assert!(!tide.ebbs(26 * MIB));
    assert!(tide.ebbs(25 * MIB));
}

#[test]
fn little_is_not_worth_the_search() {
    let mut tide = Tide::default();
    tide.rises(4 * MIB - 1);
    assert!(!tide.ebbs(0));
    tide.rises(4 * MIB);
    assert!(tide.ebbs(0));
}

#[test]
fn what_rises_again_can_go_again() {
    let mut tide = Tide::default();
    for _ in 0..3 {
        assert!(!tide.ebbs(10 * MIB));
        assert!(tide.ebbs(MIB));
    }
}

#[test]
fn memory_can_be_given_back_at_any_time() {
    let kept = vec![7_u8; MIB];
    give_back();
    assert!(kept.iter().all(|byte| *byte == 7));
}
