//! Events become exchanges: a request is born as scope + exchange + task, body bytes go to the exchange that they belong
//! to, a broken request is answered by us.

use pyo3::prelude::*;
use wire::{Command, Event, Head, StreamId};

use crate::exchange::fields::Block;
use crate::exchange::task;
use crate::exchange::{Birth, Exchange};
use crate::reactor::Reactor;
use crate::reactor::connection::Source;
use crate::reactor::input;
use crate::reactor::observer::observe;
use crate::reactor::tally::Record;

/// A request whose application starts as soon as all input in hand was looked at: a body that came with its head is
/// ready when the application asks for it.
type Starting<'py> = Option<Bound<'py, Exchange>>;

/// Pipelined requests of one connection that are begun before the others get their turn.
const PIPELINE_BATCH: usize = 16;

/// Looks at `input` until nothing more can be told from it. Returns how many bytes are done with.
pub fn digest(slf: &Bound<'_, Reactor>, key: usize, input: &[u8]) -> PyResult<usize> {
    let this = slf.get();
    let mut used = 0;
    let mut begun = 0;
    let mut starting: Starting<'_> = None;
    loop {
        let received = {
            let mut state = this.state.lock()?;
            let state = &mut *state;
            let Some(connection) = state.connections.get_mut(key) else { return Ok(input.len()) };
            if connection.is_crowded() || (begun == PIPELINE_BATCH && starting.is_none()) {
                connection.fresh = used < input.len();
                return Ok(used);
            }
            connection.session.receive(&input[used..], &mut state.fields, &this.settings.wire, state.now)
        };
        let received = match received {
            Ok(received) => received,
            Err(error) => {
                start(slf, &mut starting)?;
                refuse(slf, key, &error)?;
                return Ok(input.len());
            }
        };
        used += received.consumed;
        match received.event {
            Some(event) => {
                begun += usize::from(matches!(event, Event::Request { .. }));
                take(slf, key, event, &mut starting)?;
            }
            // The application may have answered, and the next request be waiting behind.
            None if starting.is_some() => start(slf, &mut starting)?,
            None => return Ok(used),
        }
    }
}

/// What an event means to the exchange that it belongs to.
#[inline]
fn take<'py>(slf: &Bound<'py, Reactor>, key: usize, event: Event<'_>, starting: &mut Starting<'py>) -> PyResult<()> {
    match event {
        Event::Request { stream, head } => {
            *starting = birth(slf, key, stream, &head)?;
            if head.has_body { Ok(()) } else { start(slf, starting) }
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

/// Makes the scope and the exchange, or answers 503 when too many requests are in flight.
fn birth<'py>(slf: &Bound<'py, Reactor>, key: usize, stream: StreamId, head: &Head<'_>) -> PyResult<Starting<'py>> {
    let this = slf.get();
    let py = slf.py();
    let (fields, client, template, now, started) = {
        let mut guard = this.state.lock()?;
        let state = &mut *guard;
        state.requests += 1;
        if state.in_flight >= this.settings.concurrency {
            drop(guard);
            return shed(slf, key, stream);
        }
        let started = if this.settings.access_log { state.micros() } else { 0 };
        let Some(connection) = state.connections.get_mut(key) else { return Ok(None) };
        connection.born = state.turns;
        let client = connection.client.as_ref().map(|client| client.bind(py).clone());
        let template = connection.template.bind(py).clone();
        (std::mem::take(&mut state.fields), client, template, state.now, started)
    };
    let made = this.scopes.make(&template, client, head, &fields, &this.settings);
    this.state.lock()?.fields = fields;
    let (scope, access) = made?;
    let birth = Birth {
        key,
        stream,
        has_body: head.has_body,
        expects_continue: head.expects_continue,
        accepts_hints: head.version != wire::Version::Http10,
        head_only: head.method == b"HEAD",
        scope: scope.unbind(),
        record: Record::new(started, access),
        now,
    };
    let exchange = Bound::new(py, Exchange::new(slf.clone().unbind(), birth))?;
    let mut state = this.state.lock()?;
    state.in_flight += 1;
    if let Some(connection) = state.connections.get_mut(key) {
        connection.exchanges.push((stream, exchange.clone().unbind()));
    }
    Ok(Some(exchange))
}

/// Too many requests in flight: the client is told when to come again, the application is spared.
#[cold]
fn shed<'py>(slf: &Bound<'py, Reactor>, key: usize, stream: StreamId) -> PyResult<Starting<'py>> {
    const BODY: &[u8] = b"The server is busy. Please try again in a moment.\n";
    let mut block = Block::default();
    block.push(b"content-type", b"text/plain; charset=utf-8");
    block.push(b"retry-after", b"1");
    let client = answer(slf, key, stream, 503, block, BODY)?;
    observe(slf, "refused", (client, 503, "too many requests in flight (limit_concurrency)"));
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
            connection.paused = true;
            connection.session.set_reading(false, now);
        } else if end && connection.paused {
            connection.resume(now);
        }
    }
    Ok(())
}

/// The peer broke the protocol: one clear answer, if a head is not out yet, then the end.
fn refuse(slf: &Bound<'_, Reactor>, key: usize, error: &wire::Error) -> PyResult<()> {
    let client = {
        let mut state = slf.get().state.lock()?;
        let state = &mut *state;
        let Some(connection) = state.connections.get_mut(key) else { return Ok(()) };
        let mut block = Block::default();
        state.defaults.append(&slf.get().settings, &mut block, state.now);
        connection.refuse(error, &block);
        connection.client.as_ref().map(|client| client.clone_ref(slf.py()))
    };
    observe(slf, "refused", (client, error.status, error.reason));
    input::cut_off(slf, key)
}
