//! The HTTP/1 machine, tested from outside through `Session`. One file per source file, and `harness` under them all.
#![allow(clippy::unwrap_used)]

mod body;
mod connection;
mod grammar;
mod harness;
mod head;
mod operations;
mod pace;
mod properties;
mod recall;
mod refused;
mod response;
mod state;
mod target;

use std::path::Path;

/// STYLE: test files mirror source files.
#[test]
fn every_source_file_has_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in std::fs::read_dir(root.join("src/http1")).unwrap() {
        let name = entry.unwrap().file_name();
        let name = Path::new(&name).with_extension("rs");
        if name != Path::new("mod.rs") {
            assert!(root.join("tests/http1").join(&name).exists(), "no tests/http1/{}", name.display());
        }
    }
}
