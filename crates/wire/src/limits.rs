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
}

impl Default for Limits {
    fn default() -> Self {
        Self {
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
        }
    }
}
