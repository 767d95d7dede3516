//! Messages as fast as they come back: one outstanding on each connection, the next goes out when it has come whole.
//!
//! New messages are sent until the limit, and the clock stops when the last of them is back: of large messages so
//! much is under way that to leave it out would flatter or hurt by chance.

use std::time::{Duration, Instant};

use crate::Failure;
use crate::arguments::Arguments;
use crate::histogram::Histogram;
use crate::websocket::connection::{Connection, Load, micros};

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let limit = Duration::from_secs_f64(arguments.value("seconds")?);
    let (mut load, mut connections) = Load::open(arguments)?;
    let (latencies, elapsed) = exchange(&mut load, &mut connections, limit)?;
    println!(
        "{{\"messages\": {}, \"seconds\": {:.6}, \"payload\": {:.1}, \"p50\": {:.1}, \"p99\": {:.1}}}",
        latencies.total(),
        elapsed.as_secs_f64(),
        load.right.bytes as f64 / latencies.total() as f64,
        micros(latencies.quantile(0.5)),
        micros(latencies.quantile(0.99)),
    );
    Ok(())
}

fn exchange(
    load: &mut Load,
    connections: &mut [Connection],
    limit: Duration,
) -> Result<(Histogram, Duration), Failure> {
    let mut latencies = Histogram::default();
    let start = Instant::now();
    let mut sent = vec![start; connections.len()];
    for (connection, sent) in connections.iter_mut().zip(&mut sent) {
        *sent = Instant::now();
        load.send(connection)?;
    }
    let mut waiting = connections.len();
    while waiting > 0 {
        load.wait()?;
        let ready: Vec<usize> = load.events.iter().map(|event| event.token().0).collect();
        for number in ready {
            let connection = &mut connections[number];
            load.continue_sending(connection)?;
            match load.receive(connection)? {
                0 => continue,
                1 => {}
                more => return Err(format!("{more} messages for one").into()),
            }
            let now = Instant::now();
            latencies.record(now - sent[number]);
            if now - start < limit {
                sent[number] = now;
                load.send(connection)?;
            } else {
                waiting -= 1;
            }
        }
    }
    Ok((latencies, start.elapsed()))
}
