//! libFuzzer's way into `asgate_fuzz::websocket_operations`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| asgate_fuzz::websocket_operations::check(data));
