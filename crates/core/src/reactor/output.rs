//! Output: what waits is written and the consequences are drawn (`settle`): who may go on, what is logged, which
//! connections end. Exchanges come in through `after_command`, `response_completed` and `abort`.

use crate::exchange::{Exchange, Phase};
use crate::reactor::accept;
use crate::reactor::connection::{Connection, Flushed};
use crate::reactor::observer::observe;
use crate::reactor::{LISTENER_KEYS, Reactor, State};
use crate::settings::Settings;
use pyo3::prelude::*;
use wire::{Millis, Status};

/// Longest linger during a stop: a pooled client may not look at its connection for minutes.
pub const LAST_LINGER: Millis = 1000;

/// Write buffers that are kept for the next answers; a burst needs one for each connection.
const SPARE_BUFFERS: usize = 64;

/// Writes what waits and draws the consequences: who may go on, what is logged, whether the connection ends.
pub fn settle(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    let this = slf.get();
    let verdict = {
        let mut state = this.state.lock()?;
        let state = &mut *state;
        let Some(connection) = state.connections.get_mut(key) else { return Ok(()) };
        if connection.digesting {
            return Ok(());
        }
        let flushed = flush(connection, &mut state.spare, state.now);
        let mut verdict = judge(connection, &flushed, this, state.now);
        if state.cancelling && connection.exchanges.is_empty() {
            verdict = last_verdict(connection);
        }
        match verdict {
            Verdict::Stay { again: true, .. } => state.queue(key),
            Verdict::Linger => linger(state, key, this),
            _ => {}
        }
        state.arm(key, &this.settings);
        verdict
    };
    carry_out(slf, key, verdict)
}

enum Verdict {
    /// Goes on. `wake`: the application may send again. `again`: there is more to do at once.
    Stay {
        wake: Vec<Py<Exchange>>,
        left: Vec<Py<Exchange>>,
        again: bool,
    },
    Linger,
    Lost(&'static str),
}

fn flush(connection: &mut Connection, spare: &mut Vec<Vec<u8>>, now: Millis) -> Flushed {
    let flushed = connection.flush(now);
    // An idle connection owns no buffer: the next one to answer takes it over, still warm.
    if matches!(flushed, Flushed::Done)
        && let Some(buffer) = connection.outlet.take_spare()
        && spare.len() < SPARE_BUFFERS
    {
        spare.push(buffer);
    }
    flushed
}

fn judge(connection: &mut Connection, flushed: &Flushed, reactor: &Reactor, now: Millis) -> Verdict {
    if let Flushed::Lost(reason) = flushed {
        return Verdict::Lost(reason);
    }
    if let Some(linger) = connection.closing() {
        return if linger && !connection.ended { Verdict::Linger } else { Verdict::Lost("") };
    }
    let empty = connection.outlet.is_empty();
    if empty && connection.exchanges.is_empty() && connection.ended && !connection.fresh {
        return Verdict::Lost("");
    }
    let has_room = connection.outlet.len() <= reactor.settings.write_buffer / 2;
    let answered = has_room && connection.answer_ping(now);
    let wake = if has_room { std::mem::take(&mut connection.waiting_for_room) } else { Vec::new() };
    let left = if empty { std::mem::take(&mut connection.leaving) } else { Vec::new() };
    let useful = connection.wants_input() && connection.has_input();
    let again = answered || matches!(flushed, Flushed::Again) || (useful && connection.between_answers());
    Verdict::Stay { wake, left, again }
}

/// The grace time of a stop is over. The close frame of a WebSocket still has a moment to be read: what its client sends
/// meanwhile would turn a plain close into a reset, and take the frame away.
fn last_verdict(connection: &Connection) -> Verdict {
    if !connection.session.is_websocket() || connection.ended || !connection.outlet.is_empty() {
        return Verdict::Lost("");
    }
    match connection.linger_until {
        None => Verdict::Linger,
        Some(_) => Verdict::Stay { wake: Vec::new(), left: Vec::new(), again: false },
    }
}

fn carry_out(slf: &Bound<'_, Reactor>, key: usize, verdict: Verdict) -> PyResult<()> {
    match verdict {
        Verdict::Stay { wake, left, again } => {
            for exchange in wake {
                exchange.get().wake(slf.py())?;
            }
            for exchange in left {
                crate::reactor::tally::ended(exchange.bind(slf.py()), "complete")?;
            }
            if again {
                Reactor::schedule(slf)?;
            }
            Reactor::set_alarm(slf)
        }
        Verdict::Linger => {
            lose_leaving(slf, key, "complete")?;
            wake_waiting(slf, key)?;
            if slf.get().state.lock()?.connections.get(key).is_some_and(|connection| connection.queued) {
                Reactor::schedule(slf)?;
            }
            Reactor::set_alarm(slf)
        }
        Verdict::Lost(reason) => lose(slf, key, reason),
    }
}

fn lose_leaving(slf: &Bound<'_, Reactor>, key: usize, outcome: &'static str) -> PyResult<()> {
    let left = match slf.get().state.lock()?.connections.get_mut(key) {
        Some(connection) => std::mem::take(&mut connection.leaving),
        None => Vec::new(),
    };
    for exchange in left {
        crate::reactor::tally::ended(exchange.bind(slf.py()), outcome)?;
    }
    Ok(())
}

/// All is written: whoever waited for room may go on.
fn wake_waiting(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    let waiting = match slf.get().state.lock()?.connections.get_mut(key) {
        Some(connection) => std::mem::take(&mut connection.waiting_for_room),
        None => Vec::new(),
    };
    for exchange in waiting {
        exchange.get().wake(slf.py())?;
    }
    Ok(())
}

/// Our side is done: say so, and read for a while so that the peer can read our answer.
fn linger(state: &mut State, key: usize, reactor: &Reactor) {
    let now = state.now;
    let limit = if state.draining { LAST_LINGER } else { Millis::MAX };
    if let Some(connection) = state.connections.get_mut(key)
        && connection.linger_until.is_none()
    {
        connection.stream.shutdown_write();
        connection.linger_until = Some(now + reactor.settings.linger_timeout.min(limit));
        connection.inbox = Vec::new();
        connection.readable = true;
    }
    // As long as there may be something to throw away; then the poller or the wheel will tell.
    if state.connections.get(key).is_some_and(|connection| connection.readable) {
        state.queue(key);
    }
}

/// Ends a connection. Exchanges that were not complete hear of it.
pub fn lose(slf: &Bound<'_, Reactor>, key: usize, reason: &'static str) -> PyResult<()> {
    let this = slf.get();
    let connection = {
        let mut state = this.state.lock()?;
        state.before_ebb();
        let Some(mut connection) = state.connections.remove(key) else { return Ok(()) };
        connection.part();
        // The descriptor must leave the poller before it is closed: a duplicate in a child process would keep it there.
        let _ = state.poller.deregister(connection.stream.as_raw_fd());
        connection
    };
    if !reason.is_empty() {
        observe(slf, "refused", (connection.client.as_ref(), 0, reason));
    }
    let outcome = if connection.outlet.is_empty() && !connection.broken { "complete" } else { "disconnected" };
    for (_, exchange) in &connection.exchanges {
        Exchange::client_left(exchange.bind(slf.py()))?;
    }
    for exchange in &connection.waiting_for_room {
        exchange.get().state.lock()?.cut_off = !connection.outlet.is_empty();
        exchange.get().wake(slf.py())?;
    }
    for exchange in &connection.leaving {
        crate::reactor::tally::ended(exchange.bind(slf.py()), outcome)?;
    }
    drop(connection);
    accept::resume(slf)?;
    crate::reactor::shutdown::tell_when_drained(slf)
}

/// After a fault of ours: the connection goes, quietly.
pub fn give_up(slf: &Bound<'_, Reactor>, key: usize) {
    let unlocked = slf.get().state.lock().map(|mut state| {
        state.dispatching = None;
        if key >= LISTENER_KEYS {
            // What waits there was announced once; the next turn looks again.
            state.queue(key);
        }
        if let Some(connection) = state.connections.get_mut(key) {
            connection.digesting = false;
        }
    });
    if let Err(error) = unlocked.and_then(|()| lose(slf, key, "")) {
        error.write_unraisable(slf.py(), Some(slf.as_any()));
    }
}

/// The exchange is woken when there is room again on its connection, or none ever.
pub fn wait_for_room(exchange: &Bound<'_, Exchange>) -> PyResult<()> {
    let this = exchange.get();
    let mut state = this.reactor.get().state.lock()?;
    if let Some(connection) = state.connections.get_mut(this.key)
        && !connection.waiting_for_room.iter().any(|waiting| waiting.is(exchange))
    {
        connection.waiting_for_room.push(exchange.clone().unbind());
    }
    Ok(())
}

pub fn waiting_to_be_written(reactor: &Reactor, key: usize) -> PyResult<Option<u64>> {
    Ok(reactor.state.lock()?.connections.get(key).map(|connection| connection.outlet.len()))
}

/// The last message of a response was taken: the exchange leaves its connection, which may go on to the next request.
pub fn response_completed(exchange: &Bound<'_, Exchange>) -> PyResult<()> {
    let this = exchange.get();
    let reactor = this.reactor.get();
    let (taken, waits) = {
        let mut inner = this.state.lock()?;
        let mut state = reactor.state.lock()?;
        inner.uncount(&mut state);
        let waits = inner.waits();
        let now = state.now;
        let taken = state
            .connections
            .get_mut(this.key)
            .and_then(|connection| connection.depart(this.stream, reactor.settings.access_log, now));
        (taken, waits)
    };
    drop(taken);
    if waits { this.wake(exchange.py()) } else { Ok(()) }
}

/// Writes after a command, or leaves it to the end of the dispatch or of the loop's round. Returns what still waits.
#[inline]
pub fn after_command(slf: &Bound<'_, Reactor>, key: usize, completed: bool) -> PyResult<u64> {
    let this = slf.get();
    let after = {
        let mut state = this.state.lock()?;
        write_or_collect(&mut state, key, completed, &this.settings)
    };
    match after {
        After::Lost(reason) => lose(slf, key, reason).map(|()| 0),
        After::Settle => {
            settle(slf, key)?;
            Ok(waiting_to_be_written(this, key)?.unwrap_or(0))
        }
        After::Collected { waiting, soon } => {
            if soon {
                Reactor::schedule(slf)?;
            }
            Ok(waiting)
        }
    }
}

enum After {
    /// The end of a dispatch will write it, or a turn that must come `soon`.
    Collected {
        waiting: u64,
        soon: bool,
    },
    /// All is said: it is written now.
    Settle,
    Lost(&'static str),
}

impl After {
    #[inline]
    fn of(connection: &Connection, lost: Option<&'static str>, soon: bool) -> Self {
        lost.map_or(Self::Collected { waiting: connection.outlet.len(), soon }, Self::Lost)
    }
}

#[inline]
fn write_or_collect(state: &mut State, key: usize, completed: bool, settings: &Settings) -> After {
    let now = state.now;
    let ours = state.dispatching == Some(key);
    let Some(connection) = state.connections.get_mut(key) else {
        return After::Collected { waiting: 0, soon: false };
    };
    let crowded = connection.outlet.memory() as u64 > settings.write_buffer;
    if ours || (connection.dirty && !completed) {
        let lost = if crowded { connection.flush(now).lost() } else { None };
        return After::of(connection, lost, !ours);
    }
    if completed && (state.unstarted == 0 || crowded) {
        return After::Settle;
    }
    // A whole answer waits for the others that are about to come, so that all leave in one go (see `burst`). The first
    // part of a longer one goes out at once; what follows before the application yields leaves in one piece.
    let lost = if completed { None } else { connection.flush(now).lost() };
    connection.dirty = true;
    let after = After::of(connection, lost, true);
    state.mark_dirty(key);
    if !completed {
        state.arm(key, settings);
    }
    after
}

/// Interim responses are of no use later.
pub fn write_now(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    let lost = {
        let mut state = slf.get().state.lock()?;
        let now = state.now;
        let Some(connection) = state.connections.get_mut(key) else { return Ok(()) };
        connection.flush(now).lost()
    };
    match lost {
        Some(reason) => lose(slf, key, reason),
        None => Ok(()),
    }
}

/// Cuts a response visibly short and ends what carries it (ASGI-019).
pub fn abort(exchange: &Bound<'_, Exchange>) -> PyResult<()> {
    let this = exchange.get();
    let reactor = this.reactor.bind(exchange.py());
    let taken = {
        let mut state = reactor.get().state.lock()?;
        let now = state.now;
        match state.connections.get_mut(this.key) {
            Some(connection) => {
                connection.session.abort(this.stream);
                if connection.session.must_reset() {
                    connection.stream.reset();
                    connection.broken = true;
                } else {
                    // What was sent before the fault is the application's word and still leaves.
                    let _ = connection.flush(now);
                }
                connection.ended |= matches!(connection.session.status(), Status::Closing { .. });
                connection.take_exchange(this.stream)
            }
            None => None,
        }
    };
    drop(taken);
    this.state.lock()?.phase = Phase::Complete;
    settle(reactor, this.key)
}
