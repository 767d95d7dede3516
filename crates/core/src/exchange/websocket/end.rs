//! How WebSockets end: the client's close frame, the application's, a denial, the server's stop, a lost connection.
//! Each end is said once, and the application hears of it as often as it asks (ASGI-175 to 188).

use pyo3::prelude::*;
use wire::{Command, StreamId};

use super::{Ending, Stage};
use crate::errors::from_wire;
use crate::exchange::fields::Block;
use crate::exchange::{Exchange, Phase, command, dispatch};
use crate::reactor::Reactor;
use crate::reactor::output;
use crate::reactor::payload::Source;

/// Sends a close frame: from now on `receive` tells of the end, with this very code (ASGI-181, ASGI-182).
pub fn close(exchange: &Bound<'_, Exchange>, code: u16, reason: &str) -> PyResult<()> {
    let this = exchange.get();
    let reactor = this.reactor.get();
    let (taken, waiters) = {
        let mut state = this.state.lock()?;
        let state = &mut *state;
        let mut shared = reactor.state.lock()?;
        let shared = &mut *shared;
        let mut taken = None;
        if let Some(connection) = shared.connections.get_mut(this.key) {
            connection.borrow_buffer(&mut shared.spare);
            connection.answer_ping(shared.now);
            let close = Command::Close { code, reason };
            connection.send(this.stream, close, Source::None, shared.now).map_err(from_wire)?;
            taken = connection.depart(this.stream, reactor.settings.access_log, shared.now);
        }
        if let Some(socket) = &mut state.socket {
            socket.stage = Stage::Closed;
            socket.ending = Some(Ending::new(code, reason));
            socket.forget();
        }
        (taken, state.waiters.take())
    };
    drop(taken);
    waiters.wake(exchange.py());
    output::after_command(this.reactor.bind(exchange.py()), this.key, false)?;
    Ok(())
}

/// The application has ended and has not closed: it has returned (ASGI-185), died (ASGI-184), or we stop (ASGI-187).
pub fn returned(exchange: &Bound<'_, Exchange>, raised: bool, stopped: bool) -> PyResult<()> {
    let code = match (stopped, raised) {
        (true, _) => Ending::RESTART,
        (false, true) => 1011,
        (false, false) => 1000,
    };
    close(exchange, code, "")
}

/// The client's close frame: answered at once, told to the application behind what it has not taken yet (ASGI-178).
pub fn closed(slf: &Bound<'_, Reactor>, key: usize, stream: StreamId, code: u16, reason: &str) -> PyResult<()> {
    let (exchange, taken) = {
        let mut shared = slf.get().state.lock()?;
        let shared = &mut *shared;
        let Some(connection) = shared.connections.get_mut(key) else { return Ok(()) };
        let exchange = connection.exchange(stream).map(|exchange| exchange.clone_ref(slf.py()));
        let echo = Command::Close { code, reason };
        // Refused only where our own close frame has gone out already: then there is nothing to answer.
        let _ = connection.send(stream, echo, Source::None, shared.now);
        (exchange, connection.depart(stream, slf.get().settings.access_log, shared.now))
    };
    drop(taken);
    let Some(exchange) = exchange else { return Ok(()) };
    let exchange = exchange.bind(slf.py());
    failed(exchange, code, reason)?;
    Exchange::client_left(exchange)
}

/// The WebSocket ends with the client's word, or for its fault: `code` is what was said.
pub fn failed(exchange: &Bound<'_, Exchange>, code: u16, reason: &str) -> PyResult<()> {
    if let Some(socket) = &mut exchange.get().state.lock()?.socket
        && matches!(socket.stage, Stage::Open | Stage::Leaving)
    {
        socket.ends(Ending::new(code, reason));
    }
    Ok(())
}

/// `websocket.close` before the accept: 403, whatever its code (ASGI-151).
pub fn deny(exchange: &Bound<'_, Exchange>) -> PyResult<()> {
    const BODY: &[u8] = b"Forbidden";
    let this = exchange.get();
    let mut block = Block::default();
    block.push(b"content-type", b"text/plain; charset=utf-8");
    let reactor = this.reactor.bind(exchange.py());
    dispatch::answer(reactor, this.key, this.stream, 403, block, BODY)?;
    {
        let mut state = this.state.lock()?;
        state.phase = Phase::Complete;
        state.record.status = 403;
        state.record.sent = BODY.len() as u64;
        if let Some(socket) = &mut state.socket {
            socket.stage = Stage::Closed;
        }
    }
    command::completed(exchange)
}

/// The server stops: the application is told, and may close in its own words (ASGI-187).
pub fn restart(exchange: &Bound<'_, Exchange>) -> PyResult<()> {
    let waiters = {
        let mut state = exchange.get().state.lock()?;
        let Some(socket) = &mut state.socket else { return Ok(()) };
        if socket.restarting || !matches!(socket.stage, Stage::Connecting | Stage::Open) {
            return Ok(());
        }
        socket.restarting = true;
        socket.ends(Ending::new(Ending::RESTART, ""));
        state.waiters.take()
    };
    waiters.wake(exchange.py());
    Ok(())
}
