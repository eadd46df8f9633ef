//! `ropewalk:host/log`: writes messages to the log of the line result.

use ::engine::model::result::LogLevel;
use wasmtime::component::{HasData, Linker};

use crate::host::contract::log::{self, Host, Level};
use crate::host::guest::Guest;
use crate::host::log::Log;

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    log::add_to_linker::<_, Logs>(linker, |guest| &mut guest.log)
}

struct Logs;

impl HasData for Logs {
    type Data<'a> = &'a mut Log;
}

impl Host for Log {
    fn write(&mut self, level: Level, message: String) {
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        Log::write(self, level, message);
    }
}
