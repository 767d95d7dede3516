//! libFuzzer's way into `asgate_fuzz::head`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| asgate_fuzz::head::check(data));
