//! Text in any encoding that a source can name, as UTF-8.

use std::io::{Chain, Cursor, Read, Result};

use encoding_rs::{Decoder, DecoderResult, UTF_8, UTF_16LE, WINDOWS_1252};

use crate::model::source::Encoding;

/// How many bytes are decoded at once, and the size of the buffer for the output: a byte of Windows-1252 becomes at
/// most three of UTF-8, and the decoder may ask for a little more than it uses.
const INPUT: usize = 8 * 1024;
const OUTPUT: usize = 4 * INPUT;

/// Replaces what cannot be decoded. It is never a part of UTF-8, so the row that contains it is found.
const UNDECODABLE: u8 = 0xff;

/// A reader of UTF-8, without a byte order mark. Bytes that claim to be UTF-8 are passed on unchecked.
pub(super) enum Utf8<R> {
    Plain(Source<R>),
    Decoded(Box<Decoded<R>>),
}

type Source<R> = Chain<Cursor<Vec<u8>>, R>;

pub(super) struct Decoded<R> {
    source: Source<R>,
    decoder: Decoder,
    input: Vec<u8>,
    /// What is decoded and not yet read.
    output: Vec<u8>,
    read: usize,
    ended: bool,
}

impl<R: Read> Utf8<R> {
    /// Reads text in this encoding, unless a byte order mark says another.
    pub(super) fn of(mut reader: R, encoding: Encoding) -> Result<Self> {
        let mut first = Vec::new();
        reader.by_ref().take(3).read_to_end(&mut first)?;
        let named = match encoding {
            Encoding::Utf8 => UTF_8,
            Encoding::Windows1252 => WINDOWS_1252,
            Encoding::Utf16 => UTF_16LE,
        };
        let (encoding, mark) = encoding_rs::Encoding::for_bom(&first).unwrap_or((named, 0));
        first.drain(..mark);
        let source = Cursor::new(first).chain(reader);
        if encoding == UTF_8 {
            return Ok(Self::Plain(source));
        }
        let decoder = encoding.new_decoder_without_bom_handling();
        let (input, output) = (Vec::new(), Vec::new());
        Ok(Self::Decoded(Box::new(Decoded { source, decoder, input, output, read: 0, ended: false })))
    }
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        match self {
            Self::Plain(source) => source.read(buffer),
            Self::Decoded(decoded) => decoded.read(buffer),
        }
    }
}

impl<R: Read> Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        while self.read == self.output.len() && !self.ended {
            self.decode_more()?;
        }
        let waiting = &self.output[self.read..];
        let count = waiting.len().min(buffer.len());
        buffer[..count].copy_from_slice(&waiting[..count]);
        self.read += count;
        Ok(count)
    }

    fn decode_more(&mut self) -> Result<()> {
        self.input.resize(INPUT, 0);
        let count = self.source.read(&mut self.input)?;
        self.ended = count == 0;
        self.output.clear();
        self.read = 0;
        let mut from = 0;
        loop {
            let start = self.output.len();
            self.output.resize(start + OUTPUT, 0);
            let (input, output) = (&self.input[from..count], &mut self.output[start..]);
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(input, output, self.ended);
            self.output.truncate(start + written);
            from += read;
            match result {
                DecoderResult::InputEmpty => return Ok(()),
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => self.output.push(UNDECODABLE),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8], encoding: Encoding) -> Vec<u8> {
        let mut text = Vec::new();
        Utf8::of(bytes, encoding).unwrap().read_to_end(&mut text).unwrap();
        text
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn every_encoding_becomes_utf8() {
        let long = "añ€,".repeat(10_000);
        assert_eq!(decoded(b"\xe9\x80", Encoding::Windows1252), "é€".as_bytes());
        assert_eq!(decoded(&utf16(&long), Encoding::Utf16), long.as_bytes());
        let bytes: Vec<u8> = (0x80..=0xff).cycle().take(50_000).collect();
        assert_eq!(String::from_utf8(decoded(&bytes, Encoding::Windows1252)).unwrap().chars().count(), 50_000);
        assert_eq!(decoded(b"", Encoding::Utf16), b"");
        assert_eq!(decoded(b"a", Encoding::Utf8), b"a");
    }

    #[test]
    fn a_byte_order_mark_is_stronger_and_no_part_of_the_text() {
        assert_eq!(decoded("\u{feff}é".as_bytes(), Encoding::Windows1252), "é".as_bytes());
        assert_eq!(decoded(&utf16("\u{feff}é"), Encoding::Utf8), "é".as_bytes());
        assert_eq!(decoded(b"\xfe\xff\x00\xe9", Encoding::Utf8), "é".as_bytes());
    }

    #[test]
    fn what_cannot_be_decoded_is_no_utf8() {
        let broken = [utf16("a"), vec![0x00, 0xd8], utf16("b")].concat();
        assert_eq!(decoded(&broken, Encoding::Utf16), b"a\xffb");
        assert_eq!(decoded(b"a\x00b", Encoding::Utf16), b"a\xff", "half a character at the end");
    }
}
