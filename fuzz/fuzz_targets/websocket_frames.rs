//! libFuzzer's way into `asgate_fuzz::websocket_frames`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| asgate_fuzz::websocket_frames::check(data));
