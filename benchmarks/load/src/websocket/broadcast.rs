//! One connection speaks, the application sends it to all: how many messages are delivered per second.
//!
//! One message is under way at a time: the next goes out when all connections have received the one before.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::arguments::Arguments;
use crate::histogram::Histogram;
use crate::websocket::connection::{Connection, Load, micros};

/// The handshake of the last connection is answered a few turns of the loop before the application knows of it.
const SETTLING: Duration = Duration::from_millis(100);

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let limit = Duration::from_secs_f64(arguments.value("seconds")?);
    let (mut load, mut connections) = Load::open(arguments)?;
    sleep(SETTLING);
    let start = Instant::now();
    let mut rounds = Histogram::default();
    while start.elapsed() < limit {
        let begin = Instant::now();
        deliver(&mut load, &mut connections)?;
        rounds.record(begin.elapsed());
    }
    println!(
        "{{\"messages\": {}, \"seconds\": {:.6}, \"p50\": {:.1}, \"p99\": {:.1}}}",
        rounds.total() * connections.len() as u64,
        start.elapsed().as_secs_f64(),
        micros(rounds.quantile(0.5)),
        micros(rounds.quantile(0.99)),
    );
    Ok(())
}

/// The first connection sends; returns when all, itself included, have received once.
fn deliver(load: &mut Load, connections: &mut [Connection]) -> Result<(), Failure> {
    load.send(&mut connections[0])?;
    let mut received = vec![false; connections.len()];
    let mut waiting = connections.len();
    while waiting > 0 {
        load.wait()?;
        let ready: Vec<usize> = load.events.iter().map(|event| event.token().0).collect();
        for number in ready {
            load.continue_sending(&mut connections[number])?;
            match load.receive(&mut connections[number])? {
                0 => continue,
                1 if !received[number] => received[number] = true,
                _ => return Err("a connection received a message twice".into()),
            }
            waiting -= 1;
        }
    }
    Ok(())
}
