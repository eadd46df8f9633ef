//! Where the server writes its log. A full disk, or a reader that has gone, must not stop the server: a line that
//! cannot be written is dropped and counted, and the next line that can be written says how many were lost.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

/// Writes lines to `out`, and never fails.
pub struct LossyLog<Out>(Mutex<Log<Out>>);

struct Log<Out> {
    out: Out,
    lost: u64,
    /// The line that says how many lines were lost.
    notice: fn(u64) -> String,
}

impl<Out: Write> LossyLog<Out> {
    pub fn to(out: Out, notice: fn(u64) -> String) -> Self {
        Self(Mutex::new(Log { out, lost: 0, notice }))
    }
}

/// The notice of a log in text.
pub fn text_notice(lost: u64) -> String {
    format!("{lost} lines of the log could not be written and are lost")
}

/// The notice of a log in JSON.
pub fn json_notice(lost: u64) -> String {
    json!({"level": "WARN", "message": text_notice(lost), "lost": lost}).to_string()
}

impl<Out: Write> Log<Out> {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.lost > 0 {
            // The last line may have been cut, so this one begins with a line break.
            let notice = format!("\n{}\n", (self.notice)(self.lost));
            self.out.write_all(notice.as_bytes())?;
            self.lost = 0;
        }
        self.out.write_all(line)?;
        self.out.flush()
    }
}

impl<'a, Out: Write + 'a> MakeWriter<'a> for LossyLog<Out> {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl<Out: Write> Write for &LossyLog<Out> {
    /// Takes a whole line: tracing writes each event with one call.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if log.write(line).is_err() {
            log.lost += 1;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes `room` bytes, then fails until `room` is set again.
    struct Disk {
        text: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room);
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= count;
            self.text.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lost_lines_are_counted_and_reported_when_there_is_room() {
        let log = LossyLog::to(Disk { text: Vec::new(), room: 10 }, text_notice);
        for line in ["one\n", "two\n", "three\n", "four\n"] {
            assert_eq!((&log).write(line.as_bytes()).unwrap(), line.len());
        }
        log.0.lock().unwrap().out.room = 1000;
        for line in ["five\n", "six\n"] {
            (&log).write_all(line.as_bytes()).unwrap();
        }
        let text = String::from_utf8(log.0.into_inner().unwrap().out.text).unwrap();
        assert_eq!(text, "one\ntwo\nth\n2 lines of the log could not be written and are lost\nfive\nsix\n");
    }

    #[test]
    fn a_closed_reader_is_no_error() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let log = LossyLog::to(writer, json_notice);
        for _ in 0..100 {
            (&log).write_all(b"nobody reads this\n").unwrap();
        }
        assert_eq!(log.0.lock().unwrap().lost, 100);
    }
}
