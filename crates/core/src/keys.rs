//! Python objects that every request uses: interned dict keys and event types, common methods, common header names.
//! Made once per interpreter; the only place that interns.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyString};

macro_rules! interned {
    ($($name:ident = $text:literal),* $(,)?) => {
        pub struct Keys {
            $(pub $name: Py<PyString>,)*
            pub empty_bytes: Py<PyBytes>,
            methods: Vec<(&'static [u8], Py<PyString>)>,
            names: Names,
        }

        impl Keys {
            fn new(py: Python<'_>) -> Self {
                Self {
                    $($name: PyString::intern(py, $text).unbind(),)*
                    empty_bytes: PyBytes::new(py, b"").unbind(),
                    methods: METHODS.iter().map(|name| (name.as_bytes(), PyString::intern(py, name).unbind())).collect(),
                    names: Names::new(py),
                }
            }
        }
    };
}

interned! {
    kind = "type", asgi = "asgi", http_version = "http_version", method = "method", scheme = "scheme", path = "path",
    raw_path = "raw_path", query_string = "query_string", root_path = "root_path", headers = "headers",
    client = "client", server = "server", state = "state", extensions = "extensions",
    version = "version", spec_version = "spec_version",
    http = "http", version_10 = "1.0", version_11 = "1.1", version_2 = "2", version_3 = "3",
    pathsend = "http.response.pathsend", zerocopysend = "http.response.zerocopysend",
    early_hint = "http.response.early_hint", response_trailers = "http.response.trailers",
    http_request = "http.request", http_disconnect = "http.disconnect",
    websocket = "websocket", websocket_connect = "websocket.connect", websocket_receive = "websocket.receive",
    websocket_disconnect = "websocket.disconnect", websocket_response = "websocket.http.response",
    ws = "ws", wss = "wss", text = "text", bytes = "bytes", code = "code", reason = "reason", subprotocol = "subprotocol",
    subprotocols = "subprotocols",
    body = "body", more_body = "more_body", status = "status", trailers = "trailers", more_trailers = "more_trailers",
    links = "links", file = "file", offset = "offset", count = "count",
    cancel = "cancel", call_soon = "call_soon", call_later = "call_later",
}

const METHODS: [&str; 9] = ["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"];

static KEYS: PyOnceLock<Keys> = PyOnceLock::new();

impl Keys {
    #[inline]
    pub fn of(py: Python<'_>) -> &'static Keys {
        KEYS.get_or_init(py, || Keys::new(py))
    }

    /// The method in upper case (ASGI-053).
    #[inline]
    pub fn method<'py>(&self, py: Python<'py>, method: &[u8]) -> Bound<'py, PyString> {
        for (name, text) in &self.methods {
            if method.eq_ignore_ascii_case(name) {
                return text.bind(py).clone();
            }
        }
        // A token is ASCII (RFC 9110 section 5.6.2), so nothing is lost.
        PyString::new(py, &String::from_utf8_lossy(method).to_ascii_uppercase())
    }

    /// A header name in lower case (ASGI-067); the common ones without an allocation.
    #[inline]
    pub fn header_name<'py>(&self, py: Python<'py>, name: &[u8]) -> Bound<'py, PyBytes> {
        match self.names.find(name) {
            Some(known) => known.bind(py).clone(),
            None => PyBytes::new(py, &name.to_ascii_lowercase()),
        }
    }
}

/// Header names that browsers, proxies and HTTP clients send every day.
const COMMON_NAMES: [&str; 62] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "access-control-request-headers",
    "access-control-request-method",
    "authorization",
    "cache-control",
    "cdn-loop",
    "cf-connecting-ip",
    "cf-ray",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "dnt",
    "expect",
    "forwarded",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "max-forwards",
    "origin",
    "pragma",
    "priority",
    "proxy-authorization",
    "range",
    "referer",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "sec-gpc",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "true-client-ip",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "x-amzn-trace-id",
    "x-correlation-id",
    "x-csrftoken",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
];

/// A closed hash table over length, first and last letter: one probe for nearly every name.
struct Names {
    buckets: Vec<Vec<(&'static [u8], Py<PyBytes>)>>,
}

impl Names {
    fn new(py: Python<'_>) -> Self {
        let mut buckets: Vec<Vec<(&'static [u8], Py<PyBytes>)>> = (0..256).map(|_| Vec::new()).collect();
        for name in COMMON_NAMES {
            let name = name.as_bytes();
            buckets[Self::bucket(name)].push((name, PyBytes::new(py, name).unbind()));
        }
        Self { buckets }
    }

    #[inline]
    fn bucket(name: &[u8]) -> usize {
        let (first, last) = match name {
            [first, .., last] => (first | 0x20, last | 0x20),
            [only] => (only | 0x20, only | 0x20),
            [] => (0, 0),
        };
        (name.len() * 13 + first as usize * 5 + last as usize * 31) & 255
    }

    #[inline]
    fn find(&self, name: &[u8]) -> Option<&Py<PyBytes>> {
        self.buckets[Self::bucket(name)]
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, object)| object)
    }
}
