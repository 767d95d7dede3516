//! libFuzzer's way into `asgate_fuzz::recall`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| asgate_fuzz::recall::check(data));
