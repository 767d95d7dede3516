//! Every numeric limit of the protocols, with its reason and its precedents. All of them are options of the server;
//! the values here are the defaults.

/// Milliseconds of a monotonic clock that the caller reads.
pub type Millis = u64;

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest request line in bytes. RFC 9112 section 3 recommends at least 8000; nginx 8 KiB, Apache 8190, Go 1 MiB.
    pub request_line: usize,
    /// Bytes of the request line and all fields together. nginx 32 KiB, Node 16 KiB, h11 64 KiB, hyper ~400 KiB.
    pub head_bytes: usize,
    /// Number of header fields. Apache 100, hyper 100, Tomcat 100.
    pub head_fields: usize,
    /// Milliseconds from the first byte of a head to its end. Apache mod_reqtimeout 20-40 s, granian 30 s.
    /// A new connection has as long to say anything at all, and a body that is thrown away has as long to end.
    pub head_timeout: Millis,
    /// Milliseconds that a connection may wait between requests. Load balancers keep 60 s (AWS ALB), so we keep longer.
    pub idle_timeout: Millis,
    /// Largest request body in bytes; 0 for no limit.
    pub body_bytes: u64,
    /// Fewest body bytes per second, averaged since the body began and while we were reading. Apache 500 B/s, IIS 240 B/s. 0 = off.
    pub body_rate: u64,
    /// Milliseconds before `body_rate` is applied (and after which a body that sends nothing at all is given up).
    pub body_grace: Millis,
    /// Body bytes that are read and thrown away after an early answer, so that the connection can be kept.
    pub drain_bytes: u64,
    /// Longest chunk-size line with its extensions. RFC 9112 section 7.1.1 asks for a limit; Go 4 KiB (CVE-2023-39326).
    pub chunk_line: usize,
    /// Whether WebSocket is spoken; if not, a handshake is an ordinary request (RFC 9110 section 7.8).
    pub websocket: bool,
    /// Largest message of a WebSocket in bytes, after inflating: it is gathered in memory. uvicorn and hypercorn 16 MiB,
    /// websockets 1 MiB, aiohttp 4 MiB, ws for Node 100 MiB.
    pub message_bytes: usize,
    /// Milliseconds of silence after which a WebSocket's peer is asked whether it is there; 0 = never. Proxies and NAT
    /// forget quiet connections (nginx and AWS ALB after 60 s). uvicorn and websockets 20 s.
    pub ping_interval: Millis,
    /// Milliseconds of further silence after which it is given up; 0 = never, but it is asked on. uvicorn and websockets 20 s.
    pub ping_timeout: Millis,
    /// Milliseconds in which a close frame has to be answered, once it is out. websockets and aiohttp 10 s, ws for Node 30 s.
    pub close_timeout: Millis,
    /// Whether permessage-deflate (RFC 7692) is agreed to. uvicorn, hypercorn and websockets do.
    pub deflate: bool,
    /// zlib's level, 1 to 9. Nothing else happens meanwhile, so time counts: 1 makes 49 % of 1 KiB of JSON in 5 µs and 34 %
    /// of 64 KiB in 200; 2 makes 39 % in 14 and 25 % in 380; 6 makes 38 % in 16 and 22 % in 550. nginx 1, websockets 6.
    pub deflate_level: u8,
    /// Shorter messages go as they are. To begin costs 2.5 µs (a hash table is cleared), so a microsecond saves 10 bytes of
    /// a message of 200, 50 of 512, and 100, as much as a gigabit line carries in it, of 1024. ws for Node 1024, websockets none.
    pub deflate_threshold: usize,
    /// The largest window of a compressor as a power of two, 9 to 15. websockets 12, ws for Node 15.
    pub deflate_bits: u8,
    /// zlib's memory level, 1 to 9: what is put off until a block is full takes about 2^(level + 8) bytes. (The hash table
    /// takes 128 KiB at any level, which is why compressors are shared.) websockets 5, zlib itself 8.
    pub deflate_mem_level: u8,
    /// Whether a message may refer to those before it (RFC 7692 section 7.1.1), at the cost of memory per connection.
    /// uvicorn and websockets have it on.
    pub deflate_takeover: bool,
    /// Milliseconds without a message to compress after which a connection gives its compressor back. Compressing on
    /// with a fresh one costs some bytes, once; keeping one costs more than the rest of the connection, all the time.
    pub deflate_idle: Millis,
}

impl Limits {
    pub const DEFAULT: Self = Self {
        request_line: 16 * 1024,
        head_bytes: 64 * 1024,
        head_fields: 128,
        head_timeout: 30_000,
        idle_timeout: 75_000,
        body_bytes: 0,
        body_rate: 240,
        body_grace: 10_000,
        drain_bytes: 256 * 1024,
        chunk_line: 4 * 1024,
        websocket: true,
        message_bytes: 16 * 1024 * 1024,
        ping_interval: 20_000,
        ping_timeout: 20_000,
        close_timeout: 10_000,
        deflate: true,
        deflate_level: 1,
        deflate_threshold: 1024,
        deflate_bits: 12,
        deflate_mem_level: 5,
        deflate_takeover: false,
        deflate_idle: 5_000,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
