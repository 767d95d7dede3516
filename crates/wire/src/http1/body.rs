//! Request bodies: takes the framing off (RFC 9112 sections 6 and 7.1). Data is given on as it comes, nothing is kept.
//!
//! Trailer fields are checked, counted and dropped (ASGI has no event for them); chunk extensions are checked and dropped.
//! The chunked decoder is a machine over single bytes, except for chunk data, which it cuts out whole:
//!
//! ```text
//!   Size ─▶ Extension ─▶ SizeFeed ─▶ Data ─▶ DataReturn ─▶ DataFeed ─▶ Size …
//!                            │ size 0
//!                            ▼
//!                        TrailerStart ─▶ TrailerName ─▶ TrailerValue ─▶ TrailerFeed ─▶ TrailerStart …
//!                            ▼
//!                         LastFeed ─▶ Ended
//! ```

use super::head::Framing;
use crate::error::Error;
use crate::grammar::{hex_digit, is_field_char, is_tchar};
use crate::limits::Limits;

/// What one look at the input gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    pub consumed: usize,
    /// Data of the body. Empty and not the end: all of the input was framing.
    pub bytes: &'a [u8],
    pub end: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum Decoder {
    Length(u64),
    Chunked(Chunked),
}

impl Decoder {
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Chunked::default()),
        }
    }

    /// How much is still to come, where that is known.
    pub fn remaining(&self) -> Option<u64> {
        match self {
            Self::Length(remaining) => Some(*remaining),
            Self::Chunked(_) => None,
        }
    }

    /// Takes the next piece of the body from `input`.
    #[inline]
    pub fn decode<'a>(&mut self, input: &'a [u8], limits: &Limits) -> Result<Piece<'a>, Error> {
        match self {
            Self::Length(remaining) => {
                let length = usize::try_from(*remaining).unwrap_or(usize::MAX).min(input.len());
                *remaining -= length as u64;
                Ok(Piece { consumed: length, bytes: &input[..length], end: *remaining == 0 })
            }
            Self::Chunked(chunked) => chunked.decode(input, limits),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    SizeStart,
    Size,
    SizeSpace,
    Extension(Extension),
    SizeFeed,
    Data,
    DataReturn,
    DataFeed,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerFeed,
    LastFeed,
    Ended,
}

/// Where in a chunk extension the line is.
///
/// chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ), the value a token or a quoted-string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extension {
    /// Behind the `;`.
    Start,
    Name,
    NameSpace,
    /// Behind the `=`.
    ValueStart,
    Value,
    Quoted,
    Escaped,
    /// Right behind a quoted-string.
    Closed,
    /// White space behind a value: only another extension may follow.
    After,
}

impl Extension {
    /// Where `byte` leads; None where the grammar has no such byte. CR is the line's own.
    fn next(self, byte: u8) -> Option<Self> {
        let blank = matches!(byte, b' ' | b'\t');
        Some(match (self, byte) {
            (Self::Start | Self::ValueStart, _) if blank => self,
            (Self::Start | Self::Name, _) if is_tchar(byte) => Self::Name,
            (Self::ValueStart | Self::Value, _) if is_tchar(byte) => Self::Value,
            (Self::ValueStart, b'"') => Self::Quoted,
            (Self::Quoted, b'"') => Self::Closed,
            (Self::Quoted, b'\\') => Self::Escaped,
            (Self::Quoted | Self::Escaped, _) if is_field_char(byte) => Self::Quoted,
            (Self::Name | Self::NameSpace, b'=') => Self::ValueStart,
            (Self::Name | Self::NameSpace, _) if blank => Self::NameSpace,
            (Self::Value | Self::Closed | Self::After, _) if blank => Self::After,
            (Self::Name | Self::NameSpace | Self::Value | Self::Closed | Self::After, b';') => Self::Start,
            _ => return None,
        })
    }

    /// Whether the line may end here.
    fn is_whole(self) -> bool {
        matches!(self, Self::Name | Self::Value | Self::Closed)
    }
}

/// chunked-body = *chunk last-chunk trailer-section CRLF (RFC 9112 section 7.1)
#[derive(Clone, Copy, Debug, Default)]
pub struct Chunked {
    /// Of the current chunk.
    remaining: u64,
    /// Data bytes announced by all chunks so far.
    total: u64,
    /// Bytes of the current chunk-size line.
    line: u32,
    trailer_bytes: u32,
    trailer_fields: u32,
    phase: Phase,
}

impl Chunked {
    fn decode<'a>(&mut self, input: &'a [u8], limits: &Limits) -> Result<Piece<'a>, Error> {
        let mut at = 0;
        while at < input.len() && self.phase != Phase::Ended {
            if self.phase == Phase::Data {
                let length = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(input.len() - at);
                self.remaining -= length as u64;
                if self.remaining == 0 {
                    self.phase = Phase::DataReturn;
                }
                return Ok(Piece { consumed: at + length, bytes: &input[at..at + length], end: false });
            }
            self.phase = self.byte(input[at], limits)?;
            at += 1;
        }
        Ok(Piece { consumed: at, bytes: b"", end: self.phase == Phase::Ended })
    }

    #[inline]
    fn byte(&mut self, byte: u8, limits: &Limits) -> Result<Phase, Error> {
        match self.phase {
            Phase::SizeStart | Phase::Size | Phase::SizeSpace | Phase::Extension(_) | Phase::SizeFeed => {
                self.size_byte(byte, limits)
            }
            Phase::DataReturn if byte == b'\r' => Ok(Phase::DataFeed),
            Phase::DataFeed if byte == b'\n' => Ok(Phase::SizeStart),
            Phase::Data | Phase::DataReturn | Phase::DataFeed => {
                Err(Error::peer(400, "Chunk data is not followed by CRLF (RFC 9112 section 7.1)."))
            }
            _ => self.trailer_byte(byte, limits),
        }
    }

    /// chunk = chunk-size [ chunk-ext ] CRLF; chunk-size = 1*HEXDIG; chunk-ext = *( BWS ";" BWS … ) (RFC 9112 section 7.1.1)
    fn size_byte(&mut self, byte: u8, limits: &Limits) -> Result<Phase, Error> {
        self.line += 1;
        // The line's CR and LF are not counted as part of it.
        if self.line as usize > limits.chunk_line && !matches!(byte, b'\r' | b'\n') {
            return Err(Error::peer(
                400,
                "A chunk-size line is longer than this server allows (RFC 9112 section 7.1.1).",
            ));
        }
        match (self.phase, byte) {
            (Phase::SizeStart | Phase::Size, _) if byte.is_ascii_hexdigit() => self.size_digit(byte),
            (Phase::Size | Phase::SizeSpace, b';') => Ok(Phase::Extension(Extension::Start)),
            (Phase::Size | Phase::SizeSpace, b' ' | b'\t') => Ok(Phase::SizeSpace),
            (Phase::Size, b'\r') => Ok(Phase::SizeFeed),
            (Phase::Extension(extension), b'\r') if extension.is_whole() => Ok(Phase::SizeFeed),
            (Phase::Extension(extension), _) => match extension.next(byte) {
                Some(next) => Ok(Phase::Extension(next)),
                None => Err(Error::peer(400, "A chunk extension is malformed (RFC 9112 section 7.1.1).")),
            },
            (Phase::SizeFeed, b'\n') => self.size_ends(limits),
            _ => Err(Error::peer(400, "A chunk-size line is malformed (RFC 9112 section 7.1).")),
        }
    }

    fn size_digit(&mut self, byte: u8) -> Result<Phase, Error> {
        // RFC 9112 section 7.1: recipients must expect large sizes and prevent overflows.
        if self.remaining >> 60 != 0 {
            return Err(Error::peer(400, "A chunk size does not fit 64 bits (RFC 9112 section 7.1)."));
        }
        self.remaining = self.remaining << 4 | hex_digit(byte).unwrap_or(0);
        Ok(Phase::Size)
    }

    fn size_ends(&mut self, limits: &Limits) -> Result<Phase, Error> {
        self.line = 0;
        if self.remaining == 0 {
            return Ok(Phase::TrailerStart);
        }
        self.total = self.total.saturating_add(self.remaining);
        if limits.body_bytes > 0 && self.total > limits.body_bytes {
            return Err(BODY_TOO_LARGE);
        }
        Ok(Phase::Data)
    }

    /// trailer-section = *( field-line CRLF ) (RFC 9112 section 7.1.2); as strict as the fields of a head.
    fn trailer_byte(&mut self, byte: u8, limits: &Limits) -> Result<Phase, Error> {
        self.trailer_bytes += 1;
        if self.trailer_bytes as usize > limits.head_bytes {
            return Err(Error::peer(
                431,
                "The trailer section is longer than this server allows (RFC 6585 section 5).",
            ));
        }
        match (self.phase, byte) {
            (Phase::TrailerStart, b'\r') => Ok(Phase::LastFeed),
            (Phase::TrailerStart, _) if is_tchar(byte) => {
                self.trailer_fields += 1;
                if self.trailer_fields as usize > limits.head_fields {
                    return Err(Error::peer(431, "There are more trailer fields than this server allows (RFC 6585)."));
                }
                Ok(Phase::TrailerName)
            }
            (Phase::TrailerName, b':') => Ok(Phase::TrailerValue),
            (Phase::TrailerName, _) if is_tchar(byte) => Ok(Phase::TrailerName),
            (Phase::TrailerValue, b'\r') => Ok(Phase::TrailerFeed),
            (Phase::TrailerValue, _) if is_field_char(byte) => Ok(Phase::TrailerValue),
            (Phase::TrailerFeed, b'\n') => Ok(Phase::TrailerStart),
            (Phase::LastFeed, b'\n') => Ok(Phase::Ended),
            _ => Err(Error::peer(400, "A trailer field is malformed (RFC 9112 sections 5 and 7.1.2).")),
        }
    }
}

pub const BODY_TOO_LARGE: Error =
    Error::peer(413, "The request body is larger than this server allows (RFC 9110 section 15.5.14).");
