//! WebSocket, tested from outside: the machine through `Session`, the handshake and the compression by themselves. One
//! file per source file, and `harness` under them all.
#![allow(clippy::unwrap_used)]

mod accept;
mod connection;
mod deflate;
mod frame;
mod handshake;
mod harness;
mod mask;
mod message;
mod operations;
mod pace;
mod properties;
mod state;
mod utf8;

use std::path::Path;

/// STYLE: test files mirror source files.
#[test]
fn every_source_file_has_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in std::fs::read_dir(root.join("src/websocket")).unwrap() {
        let name = entry.unwrap().file_name();
        let name = Path::new(&name).with_extension("rs");
        if name != Path::new("mod.rs") {
            assert!(root.join("tests/websocket").join(&name).exists(), "no tests/websocket/{}", name.display());
        }
    }
}
