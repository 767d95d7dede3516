//! The application speaks: a message is read (`message`), its place in the conversation is judged, and what it means
//! goes down to the connection. A refused message changes nothing (ASGI-040).

use std::path::Path;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use wire::Command;
use wire::http1::response::check_trailers;

use crate::errors::{ClientDisconnected, disconnected, from_wire, illegal};
use crate::exchange::awaitable::{Done, Waiting, Wanted};
use crate::exchange::fields::{self, Block};
use crate::exchange::files;
use crate::exchange::message::{self, Message};
use crate::exchange::{Exchange, Held, Phase, websocket};
use crate::reactor;
use crate::reactor::output;
use crate::reactor::payload::Source;

/// `send(event)`: effect first, then something to await.
#[inline]
pub fn send(slf: &Bound<'_, Exchange>, event: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    let sent = carry_out(slf, event);
    if let Err(error) = &sent
        && error.is_instance_of::<ClientDisconnected>(slf.py())
    {
        slf.get().state.lock()?.refused = true;
    }
    sent
}

#[inline]
fn carry_out(slf: &Bound<'_, Exchange>, event: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    let this = slf.get();
    if this.websocket {
        return websocket::command::send(slf, event);
    }
    {
        let mut state = this.state.lock()?;
        if matches!(state.phase, Phase::Complete) {
            // Complete and done with: ignored, whether the client is still there or not (ASGI-111, AMB-5).
            return Done::shared(slf.py());
        }
        state.last_active = reactor::now(this.reactor.get())?;
        if state.gone {
            drop(state);
            return departed(slf);
        }
    }
    match message::parse(event)? {
        Message::Body { body, more } => send_body(slf, "http.response.body", &body, more),
        Message::Start { status, headers, trailers } => {
            start(slf, "http.response.start", status, headers.as_ref(), trailers)
        }
        Message::Trailers { headers, more } => send_trailers(slf, headers.as_ref(), more),
        Message::EarlyHint { links } => hint(slf, &links),
        Message::PathSend { path } => send_path(slf, &path),
        Message::ZeroCopySend { file, offset, count, more } => {
            in_order(slf, "http.response.zerocopysend")?;
            let range = files::of_object(&file, offset, count)?;
            let waits = range.count;
            output::wait_for_room(slf)?;
            transmit(slf, Source::File(Some(range)), waits, more)?;
            files::advance(&file, offset, waits)?;
            until_written(slf, 0)
        }
    }
}

/// The client is not there any more (ASGI-110; nothing happens where version 2.3 is claimed, ASGI-034).
#[cold]
pub fn departed(slf: &Bound<'_, Exchange>) -> PyResult<Py<PyAny>> {
    refused(slf, disconnected())
}

/// Nobody is there to take the message, for the reason that `error` says. An application that tries again and again,
/// whatever it hears, lets others go first now and then.
#[cold]
pub fn refused(slf: &Bound<'_, Exchange>, error: PyErr) -> PyResult<Py<PyAny>> {
    if !slf.get().reactor.get().settings.late_send_raises {
        return Done::shared(slf.py());
    }
    if slf.get().count_sent(0)? {
        return Ok(Py::new(slf.py(), Waiting::new(slf.clone().unbind(), Wanted::Refusal(error)))?.into_any());
    }
    Err(error)
}

/// `http.response.start`: checked whole and held back until the first body message (ASGI-106).
#[inline]
pub fn start(
    slf: &Bound<'_, Exchange>,
    name: &str,
    status: u16,
    headers: Option<&Bound<'_, PyAny>>,
    trailers: bool,
) -> PyResult<Py<PyAny>> {
    let this = slf.get();
    if !matches!(this.state.lock()?.phase, Phase::Open) {
        return Err(illegal(format!("{name} was sent already; expected http.response.body (ASGI-037)")));
    }
    let mut block = reactor::lend_block(this.reactor.get())?;
    if let Some(headers) = headers {
        fields::read_fields(name, headers, &mut block)?;
    }
    let declared = declared_length(&block)?;
    let mut state = this.state.lock()?;
    if !matches!(state.phase, Phase::Open) {
        return Err(illegal(format!("{name} was sent already; expected http.response.body (ASGI-037)")));
    }
    state.phase = Phase::Held(Held { status, block, trailers, declared });
    drop(state);
    Done::shared(slf.py())
}

/// The application's Content-Length, refused here when it is doubled or no number (ASGI-115).
#[inline]
fn declared_length(block: &Block) -> PyResult<Option<u64>> {
    let mut declared = None;
    for (name, value) in block.fields.iter(&block.bytes) {
        if name.len() != 14 || !name.eq_ignore_ascii_case(b"content-length") {
            continue;
        }
        let number = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let Some(number) = number.and_then(|text| text.parse::<u64>().ok()) else {
            let shown = String::from_utf8_lossy(value);
            return Err(illegal(format!(
                "http.response.start: content-length must be a number, not {shown:?} (ASGI-115)"
            )));
        };
        if declared.replace(number).is_some() {
            return Err(illegal("http.response.start: content-length is given twice (RFC 9110 section 8.6)"));
        }
    }
    Ok(declared)
}

/// `http.response.body`.
#[inline]
pub fn send_body(slf: &Bound<'_, Exchange>, name: &str, body: &Bound<'_, PyBytes>, more: bool) -> PyResult<Py<PyAny>> {
    in_order(slf, name)?;
    let length = body.as_bytes().len();
    let this = slf.get();
    let limit = this.reactor.get().settings.write_buffer;
    let large = length as u64 > limit;
    if large {
        output::wait_for_room(slf)?;
    }
    let pending = transmit(slf, Source::Bytes(body), length as u64, more)?;
    if pending > limit || large {
        return until_written(slf, limit / 2);
    }
    if more && this.count_sent(length)? {
        return Ok(Py::new(slf.py(), Waiting::new(slf.clone().unbind(), Wanted::Turn))?.into_any());
    }
    Done::shared(slf.py())
}

/// Body-like messages need a start, and nothing may follow the last of them but trailers.
#[inline]
fn in_order(slf: &Bound<'_, Exchange>, name: &str) -> PyResult<()> {
    match slf.get().state.lock()?.phase {
        Phase::Held(_) | Phase::Streaming { .. } | Phase::Complete => Ok(()),
        Phase::Open => Err(illegal(format!("{name} was sent before http.response.start (ASGI-037)"))),
        Phase::Trailers => {
            Err(illegal(format!("{name} after the last body message; expected http.response.trailers (ASGI-122)")))
        }
    }
}

/// After a command whose exchange was made to wait for room *before* it: a connection that broke while it was carried
/// out has told the exchange so (`cut_off`), and a client that left is no success (ASGI-110, ASGI-267).
pub fn until_written(slf: &Bound<'_, Exchange>, level: u64) -> PyResult<Py<PyAny>> {
    if slf.get().state.lock()?.cut_off {
        return departed(slf);
    }
    match output::waiting_to_be_written(slf.get().reactor.get(), slf.get().key)? {
        Some(waiting) if waiting > level => {
            Ok(Py::new(slf.py(), Waiting::new(slf.clone().unbind(), Wanted::Room(level)))?.into_any())
        }
        _ => Done::shared(slf.py()),
    }
}

/// Sends the held head, if there is one, and `length` payload bytes. Returns how many bytes wait to be written.
#[inline]
fn transmit(slf: &Bound<'_, Exchange>, source: Source<'_, '_>, length: u64, more: bool) -> PyResult<u64> {
    let this = slf.get();
    let reactor = this.reactor.get();
    let completed = {
        let mut state = this.state.lock()?;
        let state = &mut *state;
        let mut shared = reactor.state.lock()?;
        let shared = &mut *shared;
        let Some(connection) = shared.connections.get_mut(this.key) else {
            return Err(disconnected());
        };
        connection.borrow_buffer(&mut shared.spare);
        let mut spare = None;
        if let Phase::Held(held) = &mut state.phase {
            check_length(held, length, more, state.head_only)?;
            shared.defaults.append(&reactor.settings, &mut held.block, shared.now);
            let whole = !more && !held.trailers && !matches!(source, Source::Path(_));
            let head = held.command(whole.then_some(length));
            connection.send(this.stream, head, Source::None, shared.now).map_err(from_wire)?;
            state.record.status = held.status;
            let trailers = held.trailers;
            spare = Some(std::mem::take(&mut held.block));
            state.phase = Phase::Streaming { trailers };
        }
        let command = Command::Body { length, end: !more };
        connection.send(this.stream, command, source, shared.now).map_err(from_wire)?;
        if let Some(block) = spare {
            shared.give_block(block);
        }
        state.record.sent += length;
        if !more {
            state.phase = state.phase.after_body();
        }
        matches!(state.phase, Phase::Complete)
    };
    sent(slf, completed)
}

/// The held head is still a secret: an application that announced another length can still be told and answer 500.
#[inline]
fn check_length(held: &Held, length: u64, more: bool, head_only: bool) -> PyResult<()> {
    let Some(declared) = held.declared else { return Ok(()) };
    if head_only || held.status == 204 || held.status == 304 {
        return Ok(());
    }
    if length > declared {
        return Err(illegal(format!(
            "the body has at least {length} bytes, content-length says {declared} (ASGI-115)"
        )));
    }
    if !more && length < declared {
        return Err(illegal(format!("the body ends after {length} bytes, content-length says {declared} (ASGI-115)")));
    }
    Ok(())
}

/// After a command: writes, or leaves that to whoever will write soon. Returns how many bytes still wait.
#[inline]
fn sent(slf: &Bound<'_, Exchange>, completed: bool) -> PyResult<u64> {
    let this = slf.get();
    if completed {
        output::response_completed(slf)?;
    }
    output::after_command(this.reactor.bind(slf.py()), this.key, completed)
}

/// A response of our own stands for the application's.
pub fn completed(slf: &Bound<'_, Exchange>) -> PyResult<()> {
    sent(slf, true).map(|_| ())
}

/// One command without a payload that changes no phase (100 Continue, early hints).
pub fn write(slf: &Bound<'_, Exchange>, command: Command<'_>) -> PyResult<()> {
    let this = slf.get();
    let reactor = this.reactor.get();
    {
        let mut shared = reactor.state.lock()?;
        let shared = &mut *shared;
        let Some(connection) = shared.connections.get_mut(this.key) else { return Ok(()) };
        connection.send(this.stream, command, Source::None, shared.now).map_err(from_wire)?;
    }
    output::write_now(this.reactor.bind(slf.py()), this.key)
}

/// `http.response.early_hint`: a 103, as long as the head is not on the wire (ASGI-270, ASGI-271).
fn hint(slf: &Bound<'_, Exchange>, links: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    {
        let state = slf.get().state.lock()?;
        if !state.accepts_hints {
            return Err(illegal("http.response.early_hint is not offered to this client (ASGI-223, ASGI-272)"));
        }
        if !matches!(state.phase, Phase::Open | Phase::Held(_)) {
            return Err(illegal("http.response.early_hint must come before the body (ASGI-273)"));
        }
    }
    let mut block = Block::default();
    fields::read_links(links, &mut block)?;
    if !block.fields.is_empty() {
        write(slf, Command::Hint { fields: &block.fields, base: &block.bytes })?;
    }
    Done::shared(slf.py())
}

/// `http.response.trailers` (ASGI-280): several messages become one block, written with the last.
fn send_trailers(slf: &Bound<'_, Exchange>, headers: Option<&Bound<'_, PyAny>>, more: bool) -> PyResult<Py<PyAny>> {
    const NAME: &str = "http.response.trailers";
    let this = slf.get();
    trailers_in_order(slf, NAME)?;
    let mut block = Block::default();
    if let Some(headers) = headers {
        fields::read_fields(NAME, headers, &mut block)?;
        // At once, not with the last message: the one that is at fault raises (ASGI-040).
        check_trailers(&block.fields, &block.bytes).map_err(from_wire)?;
    }
    {
        let mut state = this.state.lock()?;
        let state = &mut *state;
        let gathered = state.record.trailers.get_or_insert_default();
        fields::check_room(NAME, gathered, block.bytes.len())?;
        let before = gathered.mark();
        for (name, value) in block.fields.iter(&block.bytes) {
            gathered.push(name, value);
        }
        if more {
            return Done::shared(slf.py());
        }
        let mut shared = this.reactor.get().state.lock()?;
        let shared = &mut *shared;
        let Some(connection) = shared.connections.get_mut(this.key) else { return Err(disconnected()) };
        let command = Command::Trailers { fields: &gathered.fields, base: &gathered.bytes };
        if let Err(error) = connection.send(this.stream, command, Source::None, shared.now) {
            // Refused: what was accepted before stays (ASGI-040).
            gathered.cut_back(before);
            return Err(from_wire(error));
        }
        state.phase = Phase::Complete;
    }
    sent(slf, true)?;
    Done::shared(slf.py())
}

fn trailers_in_order(slf: &Bound<'_, Exchange>, name: &str) -> PyResult<()> {
    match slf.get().state.lock()?.phase {
        Phase::Trailers => Ok(()),
        Phase::Open | Phase::Held(_) => Err(illegal(format!("{name} was sent before the body (ASGI-280)"))),
        Phase::Streaming { trailers: false } | Phase::Complete => {
            Err(illegal(format!("{name} needs 'trailers': True in http.response.start (ASGI-280)")))
        }
        Phase::Streaming { trailers: true } => {
            Err(illegal(format!("{name} must follow the last body message (ASGI-280)")))
        }
    }
}

/// `http.response.pathsend` (ASGI-260 to 267): the whole body, once, right after the start.
fn send_path(slf: &Bound<'_, Exchange>, path: &Path) -> PyResult<Py<PyAny>> {
    const NAME: &str = "http.response.pathsend";
    in_order(slf, NAME)?;
    let declared = match &slf.get().state.lock()?.phase {
        Phase::Held(held) => held.declared,
        _ => return Err(illegal(format!("{NAME} must not be mixed with http.response.body (ASGI-260)"))),
    };
    let mut range = files::of_path(path)?;
    // At most what was announced (ASGI-266); a file that is shorter is refused by `transmit`.
    range.count = declared.map_or(range.count, |declared| range.count.min(declared));
    let length = range.count;
    output::wait_for_room(slf)?;
    transmit(slf, Source::Path(Some(range)), length, false)?;
    until_written(slf, 0)
}
