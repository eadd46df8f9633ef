//! `ropewalk:host/log`: messages into the log of the line result.

use ::engine::model::result::{LogEntry, LogLevel};

use wasmtime::component::{HasData, Linker};

use crate::host::contract::log::{self, Host, Level};
use crate::host::limits::Limits;
use crate::host::line::Guest;

/// Offers the capability to every module.
pub(in crate::host) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    log::add_to_linker::<_, Logs>(linker, |guest| &mut guest.log)
}

struct Logs;

impl HasData for Logs {
    type Data<'a> = &'a mut Log;
}

/// The messages of one line, bounded; what is left out leaves a mark.
#[derive(Debug)]
pub(in crate::host) struct Log {
    entries: Vec<LogEntry>,
    room: usize,
    longest: usize,
    dropped: u64,
}

impl Log {
    pub(in crate::host) fn within(limits: &Limits) -> Self {
        Self { entries: Vec::new(), room: limits.log_messages, longest: limits.log_message, dropped: 0 }
    }

    /// What was logged since this was last asked.
    pub(in crate::host) fn drain(&mut self) -> Vec<LogEntry> {
        let mut entries = std::mem::take(&mut self.entries);
        match std::mem::take(&mut self.dropped) {
            0 => {}
            dropped => entries.push(LogEntry {
                level: LogLevel::Warn,
                message: format!("… {dropped} further messages were left out"),
            }),
        }
        entries
    }

    fn cut(&self, mut message: String) -> String {
        if message.len() > self.longest {
            let end = message.floor_char_boundary(self.longest);
            message.truncate(end);
            message.push('…');
        }
        message
    }
}

impl Host for Log {
    fn write(&mut self, level: Level, message: String) {
        if self.room == 0 {
            self.dropped += 1;
            return;
        }
        self.room -= 1;
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        let message = self.cut(message);
        self.entries.push(LogEntry { level, message });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_are_cut_and_many_are_counted() {
        let limits = Limits { log_messages: 2, log_message: 5, ..Limits::default() };
        let mut log = Log::within(&limits);
        for message in ["short", "añañaña", "lost", "lost too"] {
            log.write(Level::Info, message.to_owned());
        }
        let told: Vec<_> = log.drain().into_iter().map(|entry| entry.message).collect();
        assert_eq!(told, ["short", "aña…", "… 2 further messages were left out"]);
        assert!(log.drain().is_empty());
    }
}
