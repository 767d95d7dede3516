//! The load that wrk cannot make, one subcommand each, one JSON object per line on standard output.
//!
//! `paced` sends GETs at a constant rate and measures from the scheduled time; `saturate` gets large answers as fast as
//! they come; `upload` and `download` move one large body; `idle` keeps many connections open. The three `ws-` are WebSocket:
//! messages echoed, one message sent to all, idle connections. Started by `loaders.py`, pinned by it, bounded in time
//! by itself.
#![forbid(unsafe_code)]

mod answer;
mod arguments;
mod bulk;
mod histogram;
mod idle;
mod paced;
mod saturate;
mod websocket;

use std::process::ExitCode;

use arguments::Arguments;

/// Why a load could not be carried out, in words for the report.
pub type Failure = Box<dyn std::error::Error>;

const USAGE: &str = "\
usage: load paced    --address IP:PORT --path PATH --connections N --rate PER_SECOND --seconds S
       load saturate --address IP:PORT --path PATH --connections N --seconds S
       load upload   --address IP:PORT --path PATH --bytes N --seconds S
       load download --address IP:PORT --path PATH --bytes N --seconds S
       load idle     --address IP:PORT --path PATH --connections N --seconds S
       load ws-echo | ws-broadcast | ws-idle
                     --address IP:PORT --path PATH --connections N --size BYTES --deflate none|fresh|browser
                     --seconds S";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("load: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let (subcommand, arguments) = Arguments::parse(std::env::args().skip(1))?;
    match subcommand.as_str() {
        "paced" => paced::run(&arguments),
        "saturate" => saturate::run(&arguments),
        "upload" => bulk::upload(&arguments),
        "download" => bulk::download(&arguments),
        "idle" => idle::run(&arguments),
        "ws-echo" => websocket::echo::run(&arguments),
        "ws-broadcast" => websocket::broadcast::run(&arguments),
        "ws-idle" => websocket::idle::run(&arguments),
        _ => Err(USAGE.into()),
    }
}
