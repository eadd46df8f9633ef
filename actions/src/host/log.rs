//! The log of a line.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::engine::model::result::{LogEntry, LogLevel};
use ::engine::ports::actions::Listener;
use ::engine::ports::clock::{Clock, SystemClock};

use super::limits::{Limits, clean_text};

/// The messages of one line. Their number and length are bounded, and a mark shows what was left
/// out. Clones share the messages, because the host writes to the log too.
#[derive(Clone)]
pub(super) struct Log {
    messages: Arc<Mutex<Messages>>,
    listener: Arc<dyn Listener>,
}

#[derive(Debug)]
struct Messages {
    entries: Vec<LogEntry>,
    room: usize,
    longest: usize,
    dropped: u64,
}

impl Log {
    pub(super) fn within(limits: &Limits, listener: Arc<dyn Listener>) -> Self {
        let (room, longest) = (limits.log_messages, limits.log_message);
        let messages = Messages { entries: Vec::new(), room, longest, dropped: 0 };
        Self { messages: Arc::new(Mutex::new(messages)), listener }
    }

    /// A poisoned lock is used all the same: every change is complete before the lock is released.
    fn messages(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self, level: LogLevel, message: String) {
        let mut messages = self.messages();
        if messages.room == 0 {
            messages.dropped += 1;
            return;
        }
        messages.room -= 1;
        let message = clean_text(message, messages.longest);
        let entry = LogEntry { level, message, at: Some(SystemClock.now()) };
        messages.entries.push(entry.clone());
        drop(messages);
        self.listener.logged(&entry);
    }

    /// Longest message, in bytes.
    pub(super) fn longest(&self) -> usize {
        self.messages().longest
    }

    /// The messages since the last call.
    pub(super) fn drain(&self) -> Vec<LogEntry> {
        let mut messages = self.messages();
        let mut entries = std::mem::take(&mut messages.entries);
        match std::mem::take(&mut messages.dropped) {
            0 => {}
            dropped => entries.push(LogEntry {
                level: LogLevel::Warn,
                message: format!("… {dropped} further messages were left out"),
                at: None,
            }),
        }
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_replaced() {
        let log = Log::within(&Limits::default(), Arc::new(()));
        log.write(LogLevel::Info, "\u{1b}[2Jgone \u{202e}gpj.exe\nend".to_owned());
        let logged: Vec<_> = log.drain().into_iter().map(|entry| entry.message).collect();
        assert_eq!(logged, ["\u{fffd}[2Jgone \u{fffd}gpj.exe\nend"]);
    }

    #[test]
    fn long_messages_are_cut_and_many_are_counted() {
        let limits = Limits { log_messages: 2, log_message: 5, ..Limits::default() };
        let log = Log::within(&limits, Arc::new(()));
        for message in ["short", "añañaña", "lost", "lost too"] {
            log.clone().write(LogLevel::Info, message.to_owned());
        }
        let logged: Vec<_> = log.drain().into_iter().map(|entry| entry.message).collect();
        assert_eq!(logged, ["short", "aña…", "… 2 further messages were left out"]);
        assert!(log.drain().is_empty());
    }
}
