//! libFuzzer's way into `asgate_fuzz::connection`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| asgate_fuzz::connection::check(data));
