//! `grammar`: tokens, field values, numbers, and the check that the driver uses for the application's fields.

use wire::Fault;
use wire::grammar::{check_field, decimal, is_field_value, is_token};

#[test]
fn a_token_is_made_of_tchars() {
    for byte in 0..=255_u8 {
        let good = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        assert_eq!(is_token(&[byte]), good, "{byte:#x}");
    }
    assert!(!is_token(b""));
    assert!(is_token(b"x-forwarded-for"));
    assert!(!is_token(b"x y"));
}

#[test]
fn a_value_holds_no_control_characters() {
    for byte in 0..=255_u8 {
        let good = byte == b'\t' || (byte >= 0x20 && byte != 0x7f);
        assert_eq!(is_field_value(&[byte]), good, "{byte:#x}");
        assert_eq!(is_field_value(&[b"aaaaaaaaaaaaaaaaaaaaaaaaaaaa", &[byte][..], b"a"].concat()), good, "{byte:#x}");
    }
    assert!(is_field_value(b""));
}

#[test]
fn a_number_is_digits_of_64_bits() {
    assert_eq!(decimal(b"0"), Some(0));
    assert_eq!(decimal(b"007"), Some(7));
    assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
    for bad in ["", "18446744073709551616", "+1", "-1", " 1", "1 ", "1,1", "0x1", "1e3", "1.0", "\u{661}"] {
        assert_eq!(decimal(bad.as_bytes()), None, "{bad:?}");
    }
}

#[test]
fn check_field_names_the_clause() {
    let cases: &[(&[u8], &[u8], &str)] = &[
        (b"", b"x", "5.1"),
        (b":status", b"200", "ASGI-104"),
        (b"x y", b"", "ASGI-116"),
        (b"x:", b"", "ASGI-116"),
        (b"x\r\ny", b"", "ASGI-116"),
        (b"x", b"a\r\nset-cookie: b", "ASGI-116"),
        (b"x", b"a\nb", "ASGI-116"),
        (b"x", b"a\0b", "ASGI-116"),
        (b"x", b"\x7f", "ASGI-116"),
        (b"\xc3\xa9", b"", "ASGI-116"),
    ];
    for (name, value, clause) in cases {
        let error = check_field(name, value).unwrap_err();
        assert_eq!(error.fault, Fault::Caller);
        assert!(error.reason.contains(clause), "{error}");
    }
    assert_eq!(check_field(b"X-Any", b"caf\xe9 \xff\t!"), Ok(()));
    assert_eq!(check_field(b"x", b""), Ok(()));
}
