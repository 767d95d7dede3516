//! `http1/target`: the forms of a request target, and which hosts there are.

use crate::harness::{Driver, feed};

/// Method, target; then path, query, authority.
const GOOD: &[(&str, &str, &str, &str, Option<&str>)] = &[
    ("GET", "/", "/", "", None),
    ("GET", "/a/b", "/a/b", "", None),
    ("GET", "/?", "/", "", None),
    ("GET", "/a?b=c&d", "/a", "b=c&d", None),
    ("GET", "/a?b?c", "/a", "b?c", None),
    ("GET", "/a?/b", "/a", "/b", None),
    ("GET", "//a/b", "//a/b", "", None),
    ("GET", "/../..//.", "/../..//.", "", None),
    ("GET", "/%2F%00%zz%", "/%2F%00%zz%", "", None),
    ("GET", "/a:b@c!$&'()*+,;=", "/a:b@c!$&'()*+,;=", "", None),
    ("GET", "/{a}|\"<b>\\^`", "/{a}|\"<b>\\^`", "", None),
    ("GET", "http://h", "/", "", Some("h")),
    ("GET", "http://h/", "/", "", Some("h")),
    ("GET", "http://h/p?q", "/p", "q", Some("h")),
    ("GET", "http://h?q", "/", "q", Some("h")),
    ("GET", "HTTP://H:80/p", "/p", "", Some("H:80")),
    ("GET", "https://h:443/p", "/p", "", Some("h:443")),
    ("GET", "http://[::1]:8000/p", "/p", "", Some("[::1]:8000")),
    ("GET", "http://h:/p", "/p", "", Some("h:")),
    ("GET", "http://h//", "//", "", Some("h")),
    ("OPTIONS", "*", "*", "", None),
    ("OPTIONS", "/a", "/a", "", None),
    ("OPTIONS", "http://h", "/", "", Some("h")),
];

#[test]
fn targets_are_split_and_not_decoded() {
    for (method, target, path, query, authority) in GOOD {
        let outcome = feed(format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(outcome.error, None, "{target}");
        let request = outcome.request();
        assert_eq!((request.path.as_str(), request.query.as_str()), (*path, *query), "{target}");
        assert_eq!(request.authority.as_deref(), *authority, "{target}");
    }
}

#[test]
fn hosts_are_names_addresses_and_ports() {
    let hosts = [
        "a",
        "a:80",
        "a:",
        "a.b.c",
        "127.0.0.1:8000",
        "[::1]",
        "[::1]:80",
        "[2001:db8::1]",
        "[::ffff:1.2.3.4]",
        "[v1.a:b]",
        "a_b",
        "xn--bcher-kva.example",
        "a%20b",
        "a!$&'()*+,;=b",
        "A-Z.~",
        "a:99999",
    ];
    for host in hosts {
        let outcome = feed(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(outcome.error, None, "{host}");
    }
}

#[test]
fn an_empty_host_is_for_targets_without_one_of_their_own_need() {
    let good = ["OPTIONS * HTTP/1.1", "GET http://a/ HTTP/1.1", "GET / HTTP/1.0"];
    for line in good {
        assert_eq!(Driver::fed(format!("{line}\r\nHost:\r\n\r\n")).error, None, "{line}");
    }
    // An invalid Host is refused even where it is replaced (RFC 9112 section 3.2).
    assert_eq!(Driver::fed("GET http://a/ HTTP/1.1\r\nHost: a b\r\n\r\n").error.unwrap().status, 400);
}
