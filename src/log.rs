//! The log of the server. A line that cannot be written is dropped and counted, and the next one that
//! can be written says how many were lost: a full disk, or a reader that is gone, stops no work.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

/// Writes lines to `out`, and never fails.
pub struct LossyLog<Out>(Mutex<Log<Out>>);

struct Log<Out> {
    out: Out,
    lost: u64,
}

impl<Out: Write> LossyLog<Out> {
    pub fn to(out: Out) -> Self {
        Self(Mutex::new(Log { out, lost: 0 }))
    }
}

impl<Out: Write> Log<Out> {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.lost > 0 {
            // What was written last may have been cut.
            let lost = format!("\n{} lines of the log could not be written and are lost\n", self.lost);
            self.out.write_all(lost.as_bytes())?;
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
    /// Takes a whole line, as events are written.
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

/// Prints for the person or program that started this one, which may be gone.
pub fn print(mut out: impl Write, text: &str) {
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, and then none until there is room again.
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
    fn lines_that_are_lost_are_counted_and_told_when_there_is_room() {
        let log = LossyLog::to(Disk { text: Vec::new(), room: 10 });
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
    fn a_reader_that_is_gone_stops_nothing() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let log = LossyLog::to(writer);
        for _ in 0..100 {
            (&log).write_all(b"nobody reads this\n").unwrap();
        }
        assert_eq!(log.0.lock().unwrap().lost, 100);
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        print(writer, "nobody reads this");
    }
}
