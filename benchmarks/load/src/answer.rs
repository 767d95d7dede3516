//! As much of an HTTP/1.1 response as a load needs: status and Content-Length of a complete head.
//!
//! The applications under load always declare their length here; chunked answers are wrk's business.

use crate::Failure;

/// The head of a response whose body length is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head {
    pub status: u16,
    /// Bytes of the head with the empty line that ends it.
    pub size: usize,
    pub content_length: u64,
}

/// The head at the start of `bytes`; `None` while its empty line has not arrived.
pub fn parse_head(bytes: &[u8]) -> Result<Option<Head>, Failure> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes[..end])?;
    let mut lines = text.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let status = status_line.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| format!("not a status line: {status_line:?}"))?;
    let content_length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .ok_or("the answer has no Content-Length")?;
    Ok(Some(Head { status, size: end + 4, content_length }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-length: 13\r\n\r\nHello, World!";

    #[test]
    fn waits_for_the_empty_line() {
        for size in 0..39 {
            assert_eq!(parse_head(&ANSWER[..size]).unwrap(), None);
        }
    }

    #[test]
    fn reads_status_and_length() {
        let head = Head { status: 200, size: 39, content_length: 13 };
        assert_eq!(parse_head(ANSWER).unwrap(), Some(head));
    }

    #[test]
    fn refuses_an_answer_of_unknown_length() {
        assert!(parse_head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
