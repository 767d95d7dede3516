//! The application of a WebSocket speaks: its message's place in the conversation is judged, and what it means goes down
//! to the connection. A refused message changes nothing (ASGI-040).

use pyo3::prelude::*;
use pyo3::types::{PyAny, PyString};
use wire::{Command, grammar};

use super::message::{self, ACCEPT, BODY, Message, Payload, START};
use super::{Socket, Stage, end};
use crate::errors::{ClientDisconnected, disconnected, from_wire, illegal};
use crate::exchange::awaitable::{Done, Waiting, Wanted};
use crate::exchange::command::{departed, refused, send_body, start, until_written};
use crate::exchange::fields::{Block, read_fields};
use crate::exchange::{Exchange, Phase};
use crate::reactor;
use crate::reactor::payload::Source;
use crate::reactor::{input, output, tally};

/// `send(event)`: effect first, then something to await.
#[inline]
pub fn send(slf: &Bound<'_, Exchange>, event: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    // Reading may run Python code, and that may send: what the place of the message is, is asked behind it.
    let message = message::parse(event)?;
    let now = reactor::now(slf.get().reactor.get())?;
    let (stage, stops, over) = {
        let mut state = slf.get().state.lock()?;
        state.last_active = now;
        let Some(socket) = &state.socket else { return Err(illegal("send: this is no WebSocket")) };
        (socket.stage, socket.restarting && !socket.listens, state.over)
    };
    match (stage, message) {
        (Stage::Gone, _) => departed(slf),
        // It is somebody else's: who sends to many is not to blame for one that has ended.
        (Stage::Closed | Stage::Denied, _) if over => ended(slf),
        // Who takes messages hears of the stop by receiving, and answers in peace what it has taken before. Who only
        // sends hears of it here.
        (Stage::Leaving, Message::Send(_)) => stopping(slf),
        (Stage::Open, Message::Send(_)) | (Stage::Connecting, Message::Accept { .. }) if stops => stopping(slf),
        (Stage::Open, Message::Send(payload)) => deliver(slf, &payload),
        (Stage::Open | Stage::Leaving, Message::Close { code, reason }) => close(slf, code, reason),
        (Stage::Connecting, Message::Accept { subprotocol, headers }) => {
            accept(slf, subprotocol.as_ref(), headers.as_ref())
        }
        (Stage::Connecting, Message::Close { .. }) => end::deny(slf).and_then(|()| Done::shared(slf.py())),
        (Stage::Connecting, Message::Start { status, headers }) => deny(slf, status, headers.as_ref()),
        (Stage::Denying, Message::Body { body, more }) => send_body(slf, BODY, &body, more)
            .and_then(|awaitable| if more { Ok(()) } else { set_stage(slf, Stage::Denied) }.map(|()| awaitable)),
        // As behind a response that is complete (AMB-5).
        (Stage::Denied, Message::Body { .. } | Message::Start { .. }) => Done::shared(slf.py()),
        (stage, message) => Err(out_of_order(stage, message.name())),
    }
}

fn close(
    slf: &Bound<'_, Exchange>,
    code: Option<Bound<'_, PyAny>>,
    reason: Option<Bound<'_, PyAny>>,
) -> PyResult<Py<PyAny>> {
    let (code, reason) = message::closing(code, reason)?;
    end::close(slf, code, &reason)?;
    Done::shared(slf.py())
}

/// As for a client that is gone, but the truth.
#[cold]
fn ended(slf: &Bound<'_, Exchange>) -> PyResult<Py<PyAny>> {
    refused(slf, ClientDisconnected::new_err("the WebSocket is closed: its application has ended (ASGI-180)"))
}

/// The same.
#[cold]
fn stopping(slf: &Bound<'_, Exchange>) -> PyResult<Py<PyAny>> {
    let sentence = "the server stops: of this WebSocket only websocket.close is still taken (ASGI-187)";
    refused(slf, ClientDisconnected::new_err(sentence))
}

/// `websocket.http.response.start`: a response instead of the WebSocket (ASGI-231).
fn deny(slf: &Bound<'_, Exchange>, status: u16, headers: Option<&Bound<'_, PyAny>>) -> PyResult<Py<PyAny>> {
    // Reading the headers may run Python code: whatever that sends comes too late.
    set_stage(slf, Stage::Denying)?;
    let begun = start(slf, START, status, headers, false).and_then(|awaitable| {
        let mut state = slf.get().state.lock()?;
        let wrong = match &state.phase {
            Phase::Held(held) => {
                held.block.fields.iter(&held.block.bytes).find_map(|(name, value)| upgrade(name, value))
            }
            _ => None,
        };
        if let Some(name) = wrong {
            state.phase = Phase::Open;
            return Err(illegal(format!("{START}: a response that denies a WebSocket has no {name} (ASGI-157)")));
        }
        Ok(awaitable)
    });
    if begun.is_err() {
        set_stage(slf, Stage::Connecting)?;
    }
    begun
}

/// What only the acceptance of a handshake says.
fn upgrade(name: &[u8], value: &[u8]) -> Option<&'static str> {
    const ACCEPTANCE: [&str; 4] =
        ["upgrade", "sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-protocol"];
    let upgrades = || grammar::list(value).any(|option| option.eq_ignore_ascii_case(b"upgrade"));
    if name.eq_ignore_ascii_case(b"connection") && upgrades() {
        return Some("connection: upgrade");
    }
    ACCEPTANCE.into_iter().find(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

fn set_stage(slf: &Bound<'_, Exchange>, stage: Stage) -> PyResult<()> {
    if let Some(socket) = &mut slf.get().state.lock()?.socket
        && socket.stage != Stage::Gone
    {
        socket.stage = stage;
    }
    Ok(())
}

/// ASGI-037, ASGI-183, ASGI-232.
#[cold]
fn out_of_order(stage: Stage, name: &str) -> PyErr {
    let instead = match stage {
        Stage::Connecting => {
            "the handshake is not answered; expected websocket.accept, websocket.close or a denial \
                              response (ASGI-037)"
        }
        Stage::Denying => "the handshake is being denied; expected websocket.http.response.body (ASGI-232)",
        Stage::Open | Stage::Leaving => "the WebSocket is open; expected websocket.send or websocket.close (ASGI-037)",
        Stage::Denied => "the handshake was denied (ASGI-232)",
        Stage::Closed | Stage::Gone => "the WebSocket is closed (ASGI-183)",
    };
    illegal(format!("{name} cannot be sent now: {instead}"))
}

/// One message, one frame (ASGI-165, ASGI-166).
#[inline]
fn deliver(slf: &Bound<'_, Exchange>, payload: &Payload<'_>) -> PyResult<Py<PyAny>> {
    let this = slf.get();
    let reactor = this.reactor.get();
    let (text, bytes) = match payload {
        Payload::Text(text) => (true, message::utf8("websocket.send", text)?.as_bytes()),
        Payload::Bytes(bytes) => (false, bytes.as_bytes()),
    };
    let limit = reactor.settings.write_buffer;
    let large = bytes.len() as u64 > limit;
    if large {
        output::wait_for_room(slf)?;
    }
    {
        let mut state = this.state.lock()?;
        let mut shared = reactor.state.lock()?;
        let shared = &mut *shared;
        let Some(connection) = shared.connections.get_mut(this.key) else { return Err(disconnected()) };
        connection.borrow_buffer(&mut shared.spare);
        let source = match payload {
            Payload::Text(text) => Source::Text(text, bytes),
            Payload::Bytes(bytes) => Source::Bytes(bytes),
        };
        let command = Command::Message { text, bytes };
        connection.send(this.stream, command, source, shared.now).map_err(from_wire)?;
        state.record.sent += bytes.len() as u64;
    }
    let pending = output::after_command(this.reactor.bind(slf.py()), this.key, false)?;
    if pending > limit || large {
        return until_written(slf, limit / 2);
    }
    if this.count_sent(bytes.len())? {
        return Ok(Py::new(slf.py(), Waiting::new(slf.clone().unbind(), Wanted::Turn))?.into_any());
    }
    Done::shared(slf.py())
}

impl Socket {
    /// Asked again behind the headers, which may have run Python code.
    fn may_accept(&self, chosen: Option<&str>) -> PyResult<()> {
        match chosen {
            _ if self.stage != Stage::Connecting => Err(out_of_order(self.stage, ACCEPT)),
            Some(chosen) if !self.offered.iter().any(|offered| offered == chosen) => {
                Err(illegal(format!("{ACCEPT}: the client did not offer the subprotocol {chosen:?} (ASGI-150)")))
            }
            _ => Ok(()),
        }
    }
}

/// `websocket.accept`: the 101 leaves at once, and what the client sent early is looked at (ASGI-146 to 150).
fn accept(
    slf: &Bound<'_, Exchange>,
    subprotocol: Option<&Bound<'_, PyString>>,
    headers: Option<&Bound<'_, PyAny>>,
) -> PyResult<Py<PyAny>> {
    let this = slf.get();
    let reactor = this.reactor.get();
    let chosen = subprotocol.map(|text| message::utf8(ACCEPT, text)).transpose()?;
    let mut block = reactor::lend_block(reactor)?;
    if let Some(headers) = headers {
        read_fields(ACCEPT, headers, &mut block)?;
    }
    {
        let mut state = this.state.lock()?;
        let state = &mut *state;
        let Some(socket) = &mut state.socket else { return Err(disconnected()) };
        socket.may_accept(chosen)?;
        let mut shared = reactor.state.lock()?;
        let shared = &mut *shared;
        let Some(connection) = shared.connections.get_mut(this.key) else { return Err(disconnected()) };
        shared.defaults.append(&reactor.settings, &mut block, shared.now);
        let Block { fields, bytes: base, .. } = &block;
        let command = Command::Accept { subprotocol: chosen.map(str::as_bytes), fields, base };
        connection.send(this.stream, command, Source::None, shared.now).map_err(from_wire)?;
        connection.fresh |= !connection.inbox.is_empty();
        socket.stage = Stage::Open;
        socket.offered = Vec::new();
        state.record.status = 101;
        shared.give_block(block);
    }
    output::after_command(this.reactor.bind(slf.py()), this.key, false)?;
    tally::opened(slf)?;
    input::look_later(this.reactor.bind(slf.py()), this.key)?;
    Done::shared(slf.py())
}
