//! The way in: a request that asks for a WebSocket, accepted, denied or refused, and what is left of HTTP/1 after that.

use wire::{Command, Error, Event, Fields, Limits, Session, Status};

use crate::harness::{Out, frame, request};

/// A session with its output, before it is a WebSocket.
struct Door {
    session: Session,
    limits: Limits,
    out: Out,
    events: Vec<String>,
    buffer: Vec<u8>,
    error: Option<Error>,
}

impl Door {
    fn new(limits: Limits) -> Self {
        Self {
            session: Session::http1(0),
            limits,
            out: Out::default(),
            events: Vec::new(),
            buffer: Vec::new(),
            error: None,
        }
    }

    fn fed(input: impl AsRef<[u8]>) -> Self {
        let mut door = Self::new(Limits::default());
        door.feed(input);
        door
    }

    fn feed(&mut self, input: impl AsRef<[u8]>) {
        self.buffer.extend_from_slice(input.as_ref());
        let mut fields = Fields::new();
        while self.error.is_none() {
            let received = match self.session.receive(&mut self.buffer, &mut fields, &self.limits, 0) {
                Ok(received) => received,
                Err(error) => {
                    self.error = Some(error);
                    return;
                }
            };
            let (consumed, told) = (received.consumed, received.event.as_ref().map(tell));
            drop(received);
            self.buffer.drain(..consumed);
            match told {
                Some(told) => self.events.push(told),
                None => return,
            }
        }
    }

    fn send(&mut self, command: Command<'_>) -> Result<(), Error> {
        let before = (self.out.bytes.len(), self.session.status());
        let result = self.session.send(1, command, &mut self.out, 0);
        if result.is_err() {
            assert_eq!((self.out.bytes.len(), self.session.status()), before, "a refused command left a trace");
        }
        result
    }

    fn accept(&mut self, subprotocol: Option<&str>, list: &[(&str, &str)]) -> Result<(), Error> {
        let (fields, base) = block(list);
        self.send(Command::Accept { subprotocol: subprotocol.map(str::as_bytes), fields: &fields, base: &base })
    }

    fn head(&mut self, status: u16, length: Option<u64>) -> Result<(), Error> {
        let fields = Fields::new();
        self.send(Command::Head { status, fields: &fields, base: b"", length, trailers: false })
    }

    fn refuse(&mut self) -> String {
        let (fields, base) = block(&[("server", "s")]);
        self.session.refuse(&self.error.unwrap(), &fields, &base, &mut self.out);
        self.written()
    }

    fn written(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.out.bytes)).unwrap()
    }
}

fn block(list: &[(&str, &str)]) -> (Fields, Vec<u8>) {
    let (mut fields, mut base) = (Fields::new(), Vec::new());
    list.iter().for_each(|(name, value)| fields.append(&mut base, name.as_bytes(), value.as_bytes()));
    (fields, base)
}

fn tell(event: &Event<'_>) -> String {
    let path = |path: &[u8]| String::from_utf8(path.to_vec()).unwrap();
    match event {
        Event::Request { head, .. } => format!("request {}", path(head.path)),
        Event::Handshake { head, .. } => format!("handshake {}", path(head.path)),
        Event::Message { bytes, .. } => format!("message {}", String::from_utf8_lossy(bytes)),
        other => format!("{other:?}"),
    }
}

const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
                        sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

#[test]
fn a_handshake_is_an_event_of_its_own_whichever_way_it_comes() {
    let whole = Door::fed(request(""));
    assert_eq!((&whole.events[..], whole.error), (&["handshake /chat".to_owned()][..], None));
    let mut pieces = Door::new(Limits::default());
    request("").as_bytes().chunks(1).for_each(|piece| pieces.feed(piece));
    assert_eq!(pieces.events, whole.events);
    let followed = Door::fed([request("").as_bytes(), &frame(0x81, "early")].concat());
    assert_eq!(followed.events, whole.events, "what came early waits");
    assert_eq!(followed.buffer, frame(0x81, "early"));
    assert_eq!((followed.session.status(), followed.session.wants_input()), (Status::Busy, false));
}

#[test]
fn an_accept_is_a_101() {
    let mut door = Door::fed(request(""));
    door.accept(None, &[]).unwrap();
    assert_eq!(door.written(), format!("{ACCEPTED}\r\n"));
    assert_eq!((door.session.status(), door.session.wants_input()), (Status::Busy, true));
    assert!(matches!(door.session, Session::WebSocket(_)));
}

#[test]
fn an_accept_names_the_subprotocol_and_the_applications_fields_in_order() {
    let mut door = Door::fed(request("Sec-WebSocket-Protocol: chat, superchat\r\n"));
    door.accept(Some("superchat"), &[("set-cookie", "a=1"), ("x-y", ""), ("set-cookie", "b=2")]).unwrap();
    let expected =
        format!("{ACCEPTED}sec-websocket-protocol: superchat\r\nset-cookie: a=1\r\nx-y: \r\nset-cookie: b=2\r\n\r\n");
    assert_eq!(door.written(), expected);
}

#[test]
fn what_came_early_is_looked_at_behind_the_accept() {
    let mut door = Door::fed([request("").as_bytes(), &frame(0x81, "early")].concat());
    door.accept(None, &[]).unwrap();
    door.feed("");
    assert_eq!(door.events, ["handshake /chat", "message early"]);
}

#[test]
fn fields_of_framing_and_of_the_upgrade_are_ours() {
    let mut door = Door::fed(request(""));
    let list = [
        ("Connection", "close"),
        ("upgrade", "x"),
        ("content-length", "3"),
        ("Transfer-Encoding", "chunked"),
        ("a", "b"),
    ];
    door.accept(None, &list).unwrap();
    assert_eq!(door.written(), format!("{ACCEPTED}a: b\r\n\r\n"));
}

#[test]
fn fields_that_an_accept_cannot_have_are_refused() {
    let mut door = Door::fed(request(""));
    for (name, value) in [
        ("sec-websocket-protocol", "chat"),
        ("Sec-WebSocket-Accept", "x"),
        ("SEC-WEBSOCKET-EXTENSIONS", "permessage-deflate"),
        (":status", "101"),
        ("bad name", ""),
        ("bad", "a\r\nb"),
    ] {
        let error = door.accept(None, &[("fine", ""), (name, value)]).unwrap_err();
        assert_eq!(error.fault, wire::Fault::Caller, "{name}");
    }
    door.accept(None, &[]).unwrap();
    assert_eq!(door.written(), format!("{ACCEPTED}\r\n"), "the handshake could still be accepted");
}

#[test]
fn compression_is_agreed_on_in_the_accept() {
    let mut door = Door::fed(request("Sec-WebSocket-Extensions: permessage-deflate\r\n"));
    door.accept(None, &[]).unwrap();
    let extensions = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    assert_eq!(door.written(), format!("{ACCEPTED}sec-websocket-extensions: {extensions}\r\n\r\n"));
}

#[test]
fn there_is_one_answer() {
    let mut door = Door::fed(request(""));
    door.head(403, Some(0)).unwrap();
    door.accept(None, &[]).unwrap_err();
    let mut door = Door::fed(request(""));
    door.accept(None, &[]).unwrap();
    door.accept(None, &[]).unwrap_err();
    door.head(403, Some(0)).unwrap_err();
    let mut door = Door::fed("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    door.accept(None, &[]).unwrap_err();
    for command in [
        Command::Message { text: true, bytes: b"" },
        Command::Pong { bytes: b"" },
        Command::Close { code: 1000, reason: "" },
    ] {
        door.send(command).unwrap_err();
        Door::fed(request("")).send(command).unwrap_err();
    }
}

#[test]
fn a_denial_is_a_response_that_closes_the_connection() {
    let mut door = Door::fed([request(""), "GET /next HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()].concat());
    door.head(403, Some(2)).unwrap();
    door.out.payload = b"no".to_vec();
    door.send(Command::Body { length: 2, end: true }).unwrap();
    assert_eq!(door.written(), "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno");
    assert_eq!(door.session.status(), Status::Closing { linger: true });
    door.feed("");
    assert_eq!(door.events, ["handshake /chat"]);
}

#[test]
fn a_denial_may_be_streamed() {
    let mut door = Door::fed(request(""));
    door.head(404, None).unwrap();
    door.out.payload = b"nothing".to_vec();
    for end in [false, true] {
        door.send(Command::Body { length: 7, end }).unwrap();
    }
    assert_eq!(
        door.written(),
        "HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n\
         7\r\nnothing\r\n7\r\nnothing\r\n0\r\n\r\n"
    );
}

#[test]
fn a_client_that_leaves_before_the_answer() {
    let mut door = Door::fed(request(""));
    assert_eq!(door.session.receive_eof(), Some(Event::Reset { stream: 1 }), "a WebSocket needs both ways");
    assert_eq!(door.session.receive_eof(), None);
    door.accept(None, &[]).unwrap_err();
    door.head(403, Some(0)).unwrap();
}

#[test]
fn a_wrong_version_is_told_the_right_one() {
    for version in ["Sec-WebSocket-Version: 8\r\n", ""] {
        let input = request("").replace("Sec-WebSocket-Version: 13\r\n", version);
        let mut door = Door::fed(input);
        assert_eq!((door.events.len(), door.error.unwrap().status), (0, 426));
        let reason = door.error.unwrap().reason;
        let expected = format!(
            "HTTP/1.1 426 Upgrade Required\r\nserver: s\r\ncontent-type: text/plain; charset=utf-8\r\n\
             content-length: {}\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nconnection: upgrade, close\r\n\r\n\
             {reason}\n",
            reason.len() + 1
        );
        assert_eq!(door.refuse(), expected);
        assert_eq!(door.session.status(), Status::Closing { linger: true });
    }
}

#[test]
fn a_bad_handshake_is_a_bad_request() {
    let bad = [
        request("").replace("dGhlIHNhbXBsZSBub25jZQ==", "short"),
        request("").replace("GET", "POST"),
        request("Content-Length: 1\r\n"),
        request("Sec-WebSocket-Protocol: a b\r\n"),
    ];
    for input in bad {
        let mut door = Door::fed(&input);
        assert_eq!((door.events.len(), door.error.map(|error| error.status)), (0, Some(400)), "{input}");
        let answer = door.refuse();
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n") && answer.contains("connection: close\r\n"),
            "{answer}"
        );
        assert!(!answer.contains("websocket:") && !answer.contains("upgrade:"), "ASGI-157");
        door.accept(None, &[]).unwrap_err();
    }
}

#[test]
fn other_upgrades_are_ordinary_requests() {
    let mut door = Door::fed("GET /h2 HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n");
    assert_eq!(door.events, ["request /h2"]);
    door.head(200, Some(0)).unwrap();
    door.send(Command::Body { length: 0, end: true }).unwrap();
    assert_eq!(
        (door.written(), door.session.status()),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".into(), Status::Idle)
    );
    let old = request("").replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(Door::fed(old).events, ["request /chat"]);
}

#[test]
fn with_websocket_off_a_handshake_is_an_ordinary_request() {
    for input in [request(""), request("").replace("13", "12")] {
        let mut door = Door::new(Limits { websocket: false, ..Limits::default() });
        door.feed(input);
        assert_eq!(door.events, ["request /chat"]);
        door.head(200, Some(0)).unwrap();
        door.send(Command::Body { length: 0, end: true }).unwrap();
        assert_eq!(door.session.status(), Status::Idle, "the connection stays");
    }
}

#[test]
fn a_handshake_may_follow_requests() {
    let mut door = Door::fed("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    door.head(200, Some(0)).unwrap();
    door.send(Command::Body { length: 0, end: true }).unwrap();
    door.feed(request(""));
    assert_eq!(door.events, ["request /1", "handshake /chat"]);
    door.out.bytes.clear();
    let (fields, base) = block(&[]);
    let accept = Command::Accept { subprotocol: None, fields: &fields, base: &base };
    door.session.send(2, accept, &mut door.out, 0).unwrap();
    door.feed(frame(0x89, ""));
    assert_eq!(door.events.last().unwrap(), "Ping { stream: 2, bytes: [] }");
}

#[test]
fn an_aborted_handshake_is_over() {
    let mut door = Door::fed(request(""));
    door.session.abort(1);
    assert!(matches!(door.session.status(), Status::Closing { .. }));
    door.accept(None, &[]).unwrap_err();
}

#[test]
fn handshakes_are_not_remembered() {
    let mut fields = Fields::remembering();
    for _ in 0..2 {
        let mut session = Session::http1(0);
        let mut input = request("").into_bytes();
        let received = session.receive(&mut input, &mut fields, &Limits::default(), 0).unwrap();
        assert!(matches!(received.event, Some(Event::Handshake { .. })));
        drop(received);
        assert_eq!(fields.known(), None);
    }
}
