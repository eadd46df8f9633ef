//! Standard output and error. Each line of text becomes a message in the line's log.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use ::engine::model::result::LogLevel;
use async_trait::async_trait;
use hyper::body::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::host::log::Log;

/// Most bytes that a guest may write at once.
const AT_ONCE: usize = 64 * 1024;

/// Splits a stream of bytes into messages. Clones share the stream.
#[derive(Clone)]
pub(super) struct Lines {
    log: Log,
    level: LogLevel,
    longest: usize,
    unfinished: Arc<Mutex<Vec<u8>>>,
}

impl Lines {
    pub(super) fn into(log: &Log, level: LogLevel) -> Self {
        Self { log: log.clone(), level, longest: log.longest(), unfinished: Arc::default() }
    }

    fn unfinished(&self) -> MutexGuard<'_, Vec<u8>> {
        self.unfinished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, bytes: &[u8]) {
        let mut unfinished = self.unfinished();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            // One byte more than the longest message, so that the log cuts it and adds a mark.
            let room = (self.longest + 1).saturating_sub(unfinished.len());
            unfinished.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                self.write(&mut unfinished);
            }
        }
    }

    /// Logs text that has no line break yet.
    pub(super) fn finish(&self) {
        let mut unfinished = self.unfinished();
        if !unfinished.is_empty() {
            self.write(&mut unfinished);
        }
    }

    fn write(&self, line: &mut Vec<u8>) {
        let text = String::from_utf8_lossy(line).trim_end_matches(['\r', '\n']).to_owned();
        line.clear();
        self.log.write(self.level, text);
    }
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.append(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(AT_ONCE)
    }
}

#[async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Lines {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.append(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::limits::Limits;

    #[test]
    fn a_stream_becomes_messages_line_by_line() {
        let log = Log::within(&Limits { log_message: 10, ..Limits::default() }, Arc::new(()));
        let lines = Lines::into(&log, LogLevel::Warn);
        for part in ["one\ntw", "o\r\n\n", &"x".repeat(1000), "x\nlast"] {
            lines.clone().append(part.as_bytes());
        }
        lines.finish();
        lines.finish();
        let logged: Vec<_> = log.drain().into_iter().map(|entry| (entry.level, entry.message)).collect();
        let messages = ["one", "two", "", "xxxxxxxxxx…", "last"];
        assert_eq!(logged, messages.map(|message| (LogLevel::Warn, message.to_owned())));
    }
}
