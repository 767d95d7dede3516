//! Events become exchanges: a request is born as scope + exchange + task, body bytes go to the exchange that they belong
//! to, a broken request is answered by us.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use wire::{Command, Event, Fields, Head, StreamId};

use crate::exchange::fields::Block;
use crate::exchange::scope::Made;
use crate::exchange::task;
use crate::exchange::waiters;
use crate::exchange::websocket::{Socket, end, inbound};
use crate::exchange::{Birth, Exchange};
use crate::reactor::Reactor;
use crate::reactor::connection::Connection;
use crate::reactor::input;
use crate::reactor::observer::observe;
use crate::reactor::payload::Source;
use crate::reactor::tally::Record;

/// A request whose application starts as soon as all input in hand was looked at: a body that came with its head is
/// ready when the application asks for it.
type Starting<'py> = Option<Bound<'py, Exchange>>;

/// What one connection may set going before the others get their turn: 16 pipelined requests, or 64 messages or pings.
/// Each 4 KiB of a message count as one more.
const SHARE: usize = 64;

/// What it may bring of a body: so many pieces (some 50 µs of one-byte chunks). Larger ones end with the read.
const PIECES: usize = 1024;

/// What an event takes of the share.
fn weight(event: &Event<'_>) -> usize {
    match event {
        Event::Request { .. } | Event::Handshake { .. } => SHARE / 16,
        Event::Message { bytes, .. } => 1 + bytes.len() / 4096,
        Event::Ping { .. } => 1,
        Event::Body { .. } | Event::Closed { .. } | Event::Reset { .. } => 0,
    }
}

/// Looks at `input` until nothing more can be told from it. Returns how many bytes are done with. Whoever was waiting
/// for news takes it at once: what an application answers leaves before the answer to a close frame behind it, and before
/// the refusal of what cannot be read.
pub fn digest(slf: &Bound<'_, Reactor>, key: usize, input: &mut [u8]) -> PyResult<usize> {
    let mut progress = Progress { used: 0, share: SHARE, pieces: PIECES, framing: 0 };
    let mut starting: Starting<'_> = None;
    loop {
        match progress.next(slf.get(), key, input, starting.is_some())? {
            Next::Gone => return Ok(input.len()),
            Next::Event(event) => take(slf, key, event, &mut starting)?,
            Next::Refused(error) => {
                start(slf, &mut starting)?;
                waiters::step_woken(slf)?;
                refuse(slf, key, &error)?;
                return Ok(input.len());
            }
            // The application may have answered, and the next request be waiting behind.
            Next::Nothing if starting.is_some() => start(slf, &mut starting)?,
            // It may have taken what filled its queue.
            Next::Nothing if waiters::step_woken(slf)? => {}
            Next::Nothing => return Ok(progress.used),
        }
    }
}

/// How far a digest is, and what is left of the connection's shares.
struct Progress {
    used: usize,
    share: usize,
    pieces: usize,
    /// Bytes that were a body's framing.
    framing: usize,
}

enum Next<'a> {
    Event(Event<'a>),
    Nothing,
    Refused(wire::Error),
    /// There is no such connection any more.
    Gone,
}

impl Progress {
    #[inline]
    fn next<'a>(&mut self, reactor: &Reactor, key: usize, input: &'a mut [u8], starting: bool) -> PyResult<Next<'a>> {
        let mut state = reactor.state.lock()?;
        let state = &mut *state;
        let Some(connection) = state.connections.get_mut(key) else { return Ok(Next::Gone) };
        let held = connection.is_full() || (self.share == 0 && !starting) || self.pieces == 0;
        connection.fresh = held && self.used < input.len();
        if held {
            return Ok(self.nothing(connection));
        }
        let limits = &reactor.settings.wire;
        let received = match connection.session.receive(&mut input[self.used..], &mut state.fields, limits, state.now) {
            Ok(received) => received,
            Err(error) => return Ok(Next::Refused(error)),
        };
        self.used += received.consumed;
        if received.more {
            self.share = 0;
            connection.fresh = true;
        }
        let Some(event) = received.event else {
            self.framing += received.consumed;
            return Ok(self.nothing(connection));
        };
        self.share = self.share.saturating_sub(weight(&event));
        if let Event::Body { bytes, .. } = &event {
            self.pieces -= 1;
            self.framing += received.consumed - bytes.len();
        }
        Ok(Next::Event(event))
    }

    /// The digest is at its end. Notes whether a body's framing outweighed its data. (Frames of a WebSocket are cheap; it
    /// counts those of no use itself.)
    #[inline]
    fn nothing<'a>(&self, connection: &mut Connection) -> Next<'a> {
        connection.framed = self.framing > self.used / 2 && !connection.session.is_websocket();
        Next::Nothing
    }
}

/// What an event means to the exchange that it belongs to.
#[inline]
fn take<'py>(slf: &Bound<'py, Reactor>, key: usize, event: Event<'_>, starting: &mut Starting<'py>) -> PyResult<()> {
    match event {
        Event::Request { stream, head } => {
            *starting = birth(slf, key, stream, &head, false)?;
            if head.has_body { Ok(()) } else { start(slf, starting) }
        }
        Event::Handshake { stream, head } => {
            *starting = birth(slf, key, stream, &head, true)?;
            start(slf, starting)
        }
        Event::Message { stream, text, bytes } => message(slf, key, stream, text, &bytes),
        Event::Ping { stream, bytes } => pong(slf, key, stream, bytes),
        Event::Closed { stream, code, reason } => {
            waiters::step_woken(slf)?; // what came before it is answered before it (RFC 6455 section 5.5.1 allows that)
            end::closed(slf, key, stream, code, reason)
        }
        Event::Body { stream, bytes, end } => push(slf, key, stream, bytes, end),
        Event::Reset { stream } => {
            let reset = slf.get().state.lock()?.connections.get_mut(key).and_then(|it| it.take_exchange(stream));
            match reset {
                Some(exchange) => Exchange::client_left(exchange.bind(slf.py())),
                None => Ok(()),
            }
        }
    }
}

fn start(slf: &Bound<'_, Reactor>, starting: &mut Starting<'_>) -> PyResult<()> {
    match starting.take() {
        Some(exchange) => task::start(slf, &exchange),
        None => Ok(()),
    }
}

/// Why there is no room for one more request, or WebSocket.
fn no_room(reactor: &Reactor, websocket: bool) -> PyResult<Option<&'static str>> {
    let (state, settings) = (reactor.state.lock()?, &reactor.settings);
    Ok(match websocket {
        true if state.draining => Some("the server stops"),
        true if state.places.websockets >= settings.websockets => {
            Some("too many WebSockets are open (limit_websockets)")
        }
        false if state.places.requests >= settings.concurrency => {
            Some("too many requests in flight (limit_concurrency)")
        }
        _ => None,
    })
}

/// Makes the scope and the exchange, or answers 503 when too much is going on.
fn birth<'py>(
    slf: &Bound<'py, Reactor>,
    key: usize,
    stream: StreamId,
    head: &Head<'_>,
    websocket: bool,
) -> PyResult<Starting<'py>> {
    let (this, py) = (slf.get(), slf.py());
    this.state.lock()?.requests += 1;
    if let Some(why) = no_room(this, websocket)? {
        return shed(slf, key, stream, why);
    }
    let (fields, client, template, now, started) = {
        let mut state = this.state.lock()?;
        let state = &mut *state;
        let started = if this.settings.access_log { state.micros() } else { 0 };
        let Some(connection) = state.connections.get_mut(key) else { return Ok(None) };
        connection.born = state.turns;
        let (client, template) =
            (connection.client.as_ref().map(|it| it.bind(py).clone()), connection.template.bind(py));
        (std::mem::take(&mut state.fields), client, template.clone(), state.now, started)
    };
    let made = scope_of(this, websocket, &template, client, head, &fields);
    this.state.lock()?.fields = fields;
    let ((scope, access), offered) = made?;
    let birth = Birth {
        key,
        stream,
        has_body: head.has_body,
        expects_continue: head.expects_continue,
        accepts_hints: head.version != wire::Version::Http10,
        head_only: head.method == b"HEAD",
        socket: websocket.then(|| Socket::new(offered)),
        scope: scope.unbind(),
        record: Record::new(started, access),
        now,
    };
    joined(slf, Bound::new(py, Exchange::new(slf.clone().unbind(), birth))?).map(Some)
}

/// The scope, what the access log wants of it, and the subprotocols that a WebSocket's client offers.
fn scope_of<'py>(
    reactor: &Reactor,
    websocket: bool,
    template: &Bound<'py, PyDict>,
    client: Option<Bound<'py, PyAny>>,
    head: &Head<'_>,
    fields: &Fields,
) -> PyResult<(Made<'py>, Vec<String>)> {
    let (scopes, settings) = (&reactor.scopes, &reactor.settings);
    match websocket {
        true => scopes.make_websocket(template, client, head, fields, settings),
        false => scopes.make(template, client, head, fields, settings).map(|made| (made, Vec::new())),
    }
}

/// The exchange takes its place: on its connection, and among those that are counted.
fn joined<'py>(slf: &Bound<'py, Reactor>, exchange: Bound<'py, Exchange>) -> PyResult<Bound<'py, Exchange>> {
    let this = exchange.get();
    let mut state = slf.get().state.lock()?;
    *state.places.of(this.websocket) += 1;
    if let Some(connection) = state.connections.get_mut(this.key) {
        connection.exchanges.push((this.stream, exchange.clone().unbind()));
    }
    drop(state);
    Ok(exchange)
}

/// Too much is going on: the client is told when to come again, the application is spared.
#[cold]
fn shed<'py>(slf: &Bound<'py, Reactor>, key: usize, stream: StreamId, why: &str) -> PyResult<Starting<'py>> {
    const BODY: &[u8] = b"The server is busy. Please try again in a moment.\n";
    let mut block = Block::default();
    block.push(b"content-type", b"text/plain; charset=utf-8");
    block.push(b"retry-after", b"1");
    let client = answer(slf, key, stream, 503, block, BODY)?;
    observe(slf, "refused", (client, 503, why));
    Ok(None)
}

/// A whole response of our own.
pub fn answer(
    slf: &Bound<'_, Reactor>,
    key: usize,
    stream: StreamId,
    status: u16,
    mut block: Block,
    body: &[u8],
) -> PyResult<Option<Py<PyAny>>> {
    let reactor = slf.get();
    let mut state = reactor.state.lock()?;
    let state = &mut *state;
    let Some(connection) = state.connections.get_mut(key) else { return Ok(None) };
    state.defaults.append(&reactor.settings, &mut block, state.now);
    let length = body.len() as u64;
    let head =
        Command::Head { status, fields: &block.fields, base: &block.bytes, length: Some(length), trailers: false };
    let sent = connection
        .send(stream, head, Source::None, state.now)
        .and_then(|()| connection.send(stream, Command::Body { length, end: true }, Source::Slice(body), state.now));
    sent.map_err(crate::errors::from_wire)?;
    Ok(connection.client.as_ref().map(|client| client.clone_ref(slf.py())))
}

fn push(slf: &Bound<'_, Reactor>, key: usize, stream: StreamId, bytes: &[u8], end: bool) -> PyResult<()> {
    let this = slf.get();
    let py = slf.py();
    let exchange = match this.state.lock()?.connections.get(key).and_then(|it| it.exchange(stream)) {
        Some(exchange) => exchange.clone_ref(py),
        None => return Ok(()),
    };
    let full = exchange.get().push_body(py, bytes, end, this.settings.read_buffer)?;
    let mut state = this.state.lock()?;
    let now = state.now;
    if let Some(connection) = state.connections.get_mut(key) {
        if full {
            connection.pause(now);
        } else if end && connection.paused {
            connection.resume(now);
        }
    }
    Ok(())
}

/// A message for a WebSocket; one whose application has ended hears nothing more.
#[inline]
fn message(slf: &Bound<'_, Reactor>, key: usize, stream: StreamId, text: bool, bytes: &[u8]) -> PyResult<()> {
    let this = slf.get();
    let exchange = match this.state.lock()?.connections.get(key).and_then(|it| it.exchange(stream)) {
        Some(exchange) => exchange.clone_ref(slf.py()),
        None => return Ok(()),
    };
    if inbound::push(exchange.get(), slf.py(), text, bytes)? {
        let mut state = this.state.lock()?;
        let now = state.now;
        if let Some(connection) = state.connections.get_mut(key) {
            connection.pause(now);
        }
    }
    Ok(())
}

/// ASGI-163: the application hears nothing of it.
fn pong(slf: &Bound<'_, Reactor>, key: usize, stream: StreamId, bytes: &[u8]) -> PyResult<()> {
    let mut state = slf.get().state.lock()?;
    let now = state.now;
    let Some(connection) = state.connections.get_mut(key) else { return Ok(()) };
    if connection.has_much_to_write() {
        // Of pings that pile up the newest is answered (RFC 6455 section 5.5.3), when the client has read that far.
        connection.owed_pong = Some((stream, bytes.into()));
    } else {
        // Refused only where our close frame has gone out: nobody waits for pongs then.
        let _ = connection.send(stream, Command::Pong { bytes }, Source::None, now);
    }
    Ok(())
}

/// The peer broke the protocol: one clear answer, if a head is not out yet, then the end.
fn refuse(slf: &Bound<'_, Reactor>, key: usize, error: &wire::Error) -> PyResult<()> {
    let (client, code) = {
        let mut state = slf.get().state.lock()?;
        let state = &mut *state;
        let Some(connection) = state.connections.get_mut(key) else { return Ok(()) };
        let mut block = Block::default();
        state.defaults.append(&slf.get().settings, &mut block, state.now);
        connection.refuse(error, &block);
        let client = connection.client.as_ref().map(|client| client.clone_ref(slf.py()));
        (client, connection.session.is_websocket().then_some(error.status))
    };
    observe(slf, "refused", (client, error.status, error.reason));
    input::cut_off(slf, key, code)
}
