//! libFuzzer's way into `asgate_fuzz::chunked`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| asgate_fuzz::chunked::check(data));
