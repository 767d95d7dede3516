//! Compressed messages. Outcomes: the same whichever way the pieces are cut, and the same as a naive decoder gives that
//! looks at one bit at a time and shares no code with the first (RFC 1951, RFC 7692 section 7.2.2).

use wire::Limits;
use wire::websocket::deflate::{Agreed, Deflate, Effort};

/// What a message came to: its bytes, or the code that the connection ends with.
type Outcome = Result<Vec<u8>, u16>;

/// The target. Three bytes choose the terms, the size of the pieces and the limit; then come messages, each behind a
/// byte with its length, until one of them fails.
pub fn check(data: &[u8]) {
    let [terms, size, limit, messages @ ..] = data else { return };
    let agreed = Agreed {
        server_takeover: false,
        client_takeover: terms & 1 != 0,
        server_bits: 15,
        client_bits: 8 + (terms >> 1) % 8,
    };
    let limit = *limit as usize * 64;
    let messages = cut(messages);
    let expected = expected(agreed, &messages, limit);
    for size in [usize::MAX, 1, 2 + *size as usize % 30] {
        assert_eq!(inflated(agreed, &messages, limit, size), expected, "in pieces of {size}");
    }
}

fn cut(mut data: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    while let Some((&length, rest)) = data.split_first() {
        let (message, rest) = rest.split_at(rest.len().min(length as usize));
        messages.push(message);
        data = rest;
    }
    messages
}

/// Up to the first failure, as the connection ends there.
fn until_failure(outcomes: impl Iterator<Item = Outcome>) -> Vec<Outcome> {
    let mut seen = Vec::new();
    for outcome in outcomes {
        let failed = outcome.is_err();
        seen.push(outcome);
        if failed {
            break;
        }
    }
    seen
}

fn inflated(agreed: Agreed, messages: &[&[u8]], limit: usize, size: usize) -> Vec<Outcome> {
    let mut deflate = Deflate::new(agreed, Effort::of(&Limits::DEFAULT));
    until_failure(messages.iter().map(|compressed| {
        let mut message = Vec::new();
        let pieces = compressed.chunks(size.min(compressed.len().max(1)));
        let outcome = pieces
            .map(|piece| (piece, false))
            .chain([(&[][..], true)])
            .try_for_each(|(piece, end)| deflate.inflate(piece, end, limit, &mut message));
        assert!(message.len() <= limit.saturating_add(1), "more was inflated than is allowed");
        outcome.map(|()| message).map_err(|error| error.status)
    }))
}

fn expected(agreed: Agreed, messages: &[&[u8]], limit: usize) -> Vec<Outcome> {
    let mut history: Vec<u8> = Vec::new();
    until_failure(messages.iter().map(|compressed| {
        let start = history.len();
        let outcome =
            if compressed.is_empty() { Ok(()) } else { Naive::new(compressed, &mut history, limit).message() };
        let message = history[start..].to_vec();
        let kept = if agreed.client_takeover { 1 << agreed.client_bits.max(9) } else { 0 };
        history.drain(..history.len().saturating_sub(kept));
        outcome.map(|()| message)
    }))
}

const CORRUPT: u16 = 1007;
const TOO_LARGE: u16 = 1009;

/// Reads one bit after the other.
struct Naive<'a> {
    /// The message, its tail, and an empty last block.
    input: Vec<u8>,
    /// In bits, of `input`.
    position: usize,
    /// Where the last block begins: behind it nothing is written.
    last: usize,
    /// What may be referred to, and behind it the message.
    output: &'a mut Vec<u8>,
    longest: usize,
}

impl<'a> Naive<'a> {
    fn new(compressed: &[u8], output: &'a mut Vec<u8>, limit: usize) -> Self {
        let input = [compressed, &[0x00, 0x00, 0xff, 0xff], &[0x03, 0x00]].concat();
        let longest = output.len() + limit;
        Self { last: 8 * (input.len() - 2), input, position: 0, output, longest }
    }

    /// Streams behind each other, of which the last one ends where the input does.
    fn message(mut self) -> Result<(), u16> {
        let mut ends = 0;
        loop {
            while !self.block()? {}
            self.position = self.position.next_multiple_of(8);
            if self.position == 8 * self.input.len() {
                return Ok(());
            }
            ends += 1;
            if ends > 64 || self.position > self.last {
                return Err(CORRUPT);
            }
        }
    }

    fn bits(&mut self, count: usize) -> Result<usize, u16> {
        let mut value = 0;
        for place in 0..count {
            let byte = self.input.get(self.position / 8).ok_or(CORRUPT)?;
            value |= usize::from(byte >> (self.position % 8) & 1) << place;
            self.position += 1;
        }
        Ok(value)
    }

    fn write(&mut self, byte: u8) -> Result<(), u16> {
        if self.position > self.last {
            return Err(CORRUPT);
        }
        if self.output.len() == self.longest {
            return Err(TOO_LARGE);
        }
        self.output.push(byte);
        Ok(())
    }

    /// Gives whether it was the last of its stream.
    fn block(&mut self) -> Result<bool, u16> {
        let is_last = self.bits(1)? == 1;
        match self.bits(2)? {
            0 => self.stored()?,
            1 => {
                let lengths: Vec<_> = (0..288).map(|symbol| [8, 9, 7, 8][Self::fixed_range(symbol)]).collect();
                self.symbols(&Code(lengths), &Code(vec![5; 30]))?;
            }
            2 => {
                let (lengths, distances) = self.codes()?;
                self.symbols(&lengths, &distances)?;
            }
            _ => return Err(CORRUPT),
        }
        Ok(is_last)
    }

    fn fixed_range(symbol: usize) -> usize {
        [144, 256, 280].iter().filter(|start| symbol >= **start).count()
    }

    fn stored(&mut self) -> Result<(), u16> {
        self.position = self.position.next_multiple_of(8);
        let (length, inverse) = (self.bits(16)?, self.bits(16)?);
        if length != !inverse & 0xffff {
            return Err(CORRUPT);
        }
        for _ in 0..length {
            let byte = self.bits(8)? as u8;
            self.write(byte)?;
        }
        Ok(())
    }

    /// RFC 1951 section 3.2.7.
    fn codes(&mut self) -> Result<(Code, Code), u16> {
        const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
        let (literals, distances, count) = (257 + self.bits(5)?, 1 + self.bits(5)?, 4 + self.bits(4)?);
        if literals > 286 || distances > 30 {
            return Err(CORRUPT);
        }
        let mut of_lengths = vec![0; 19];
        for &place in &ORDER[..count] {
            of_lengths[place] = self.bits(3)?;
        }
        let of_lengths = Code(of_lengths).checked(false)?;
        let mut lengths = Vec::new();
        while lengths.len() < literals + distances {
            let (length, times) = match self.symbol(&of_lengths)? {
                16 => (*lengths.last().ok_or(CORRUPT)?, 3 + self.bits(2)?),
                17 => (0, 3 + self.bits(3)?),
                18 => (0, 11 + self.bits(7)?),
                length => (length, 1),
            };
            lengths.extend(vec![length; times]);
        }
        // A repetition may not pass the end, and without an end of block none could be found.
        if lengths.len() > literals + distances || lengths[256] == 0 {
            return Err(CORRUPT);
        }
        let distances = lengths.split_off(literals);
        Ok((Code(lengths).checked(true)?, Code(distances).checked(true)?))
    }

    fn symbol(&mut self, code: &Code) -> Result<usize, u16> {
        let mut read = 0;
        for length in 1..=15 {
            read = read << 1 | self.bits(1)?;
            if let Some(symbol) = code.find(length, read) {
                return Ok(symbol);
            }
        }
        Err(CORRUPT)
    }

    /// RFC 1951 section 3.2.5.
    fn symbols(&mut self, lengths: &Code, distances: &Code) -> Result<(), u16> {
        loop {
            match self.symbol(lengths)? {
                literal @ 0..256 => self.write(literal as u8)?,
                256 => return Ok(()),
                symbol => {
                    let length = self.length(symbol - 257)?;
                    let symbol = self.symbol(distances)?;
                    let distance = self.distance(symbol)?;
                    for _ in 0..length {
                        let from = self.output.len().checked_sub(distance).ok_or(CORRUPT)?;
                        self.write(self.output[from])?;
                    }
                }
            }
        }
    }

    fn length(&mut self, symbol: usize) -> Result<usize, u16> {
        match symbol {
            0..8 => Ok(3 + symbol),
            8..28 => {
                let extra = symbol / 4 - 1;
                Ok(3 + ((4 + symbol % 4) << extra) + self.bits(extra)?)
            }
            28 => Ok(258),
            _ => Err(CORRUPT),
        }
    }

    fn distance(&mut self, symbol: usize) -> Result<usize, u16> {
        match symbol {
            0..4 => Ok(1 + symbol),
            4..30 => {
                let extra = symbol / 2 - 1;
                Ok(1 + ((2 + symbol % 2) << extra) + self.bits(extra)?)
            }
            _ => Err(CORRUPT),
        }
    }
}

/// A Huffman code: the length of every symbol's word, 0 for none (RFC 1951 section 3.2.2).
struct Code(Vec<usize>);

impl Code {
    /// Words must fill the space of all words. As zlib has it, a single word of one bit will do as well, and none at
    /// all until one is looked for, except for the code of lengths.
    fn checked(self, may_be_single: bool) -> Result<Self, u16> {
        let used: usize = self.0.iter().filter(|length| **length > 0).map(|length| 1 << (15 - length)).sum();
        let words = self.0.iter().filter(|length| **length > 0).count();
        let single = words == 1 && self.0.contains(&1);
        let good = used == 1 << 15 || (may_be_single && (single || words == 0));
        if good { Ok(self) } else { Err(CORRUPT) }
    }

    /// The symbol whose word of `length` bits is `word`.
    fn find(&self, length: usize, word: usize) -> Option<usize> {
        let shorter: usize = (1..length).map(|bits| self.count(bits) << (length - bits)).sum();
        let place = word.checked_sub(shorter)?;
        self.0.iter().enumerate().filter(|(_, other)| **other == length).nth(place).map(|(symbol, _)| symbol)
    }

    fn count(&self, length: usize) -> usize {
        self.0.iter().filter(|other| **other == length).count()
    }
}
