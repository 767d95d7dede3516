//! The command line: a subcommand, then `--name value` pairs, each of them required where it is asked for.

use std::collections::HashMap;
use std::str::FromStr;

use crate::{Failure, USAGE};

pub struct Arguments {
    values: HashMap<String, String>,
}

impl Arguments {
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<(String, Self), Failure> {
        let subcommand = words.next().ok_or(USAGE)?;
        let mut values = HashMap::new();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").ok_or(USAGE)?;
            values.insert(name.to_owned(), words.next().ok_or(USAGE)?);
        }
        Ok((subcommand, Self { values }))
    }

    /// The value of `--name`, parsed.
    pub fn value<T: FromStr>(&self, name: &str) -> Result<T, Failure> {
        let text = self.values.get(name).ok_or_else(|| format!("--{name} is missing\n{USAGE}"))?;
        text.parse().map_err(|_| format!("--{name} {text}: not understood").into())
    }
}
