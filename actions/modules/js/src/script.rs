//! A script as people write it: an ES module with a default export, or the body of a
//! function.

use rquickjs::{Ctx, Module, module::Declared};

use crate::fault::{self, Shift};

/// How a script is named in errors.
pub(crate) const NAME: &str = "script.js";

/// A body is wrapped without a line break, so that its lines keep their numbers.
const BEFORE: &str = "export default async function (records, ctx) {";
const AFTER: &str = "\n}";

/// A script that was parsed, not yet run.
pub(crate) struct Script {
    source: String,
    /// How far the first line was moved to the right.
    pub(crate) shift: Shift,
}

impl Script {
    /// Parses the script. The error is one sentence with line and column.
    pub(crate) fn parse(ctx: &Ctx, text: &str) -> Result<Script, String> {
        if text.contains('\0') {
            return Err("The script holds a NUL character: write \\0 instead".to_owned());
        }
        let as_module = Script { source: text.to_owned(), shift: Shift(0) };
        let wrapped = format!("{BEFORE}{text}{AFTER}");
        let as_body = Script { source: wrapped, shift: Shift(BEFORE.encode_utf16().count()) };
        if !speaks_of_export(text) {
            return as_body.checked(ctx);
        }
        // The word may also stand in a string or a comment of a body.
        let module = as_module.checked(ctx).and_then(Script::with_default);
        module.or_else(|error| as_body.checked(ctx).map_err(|_| error))
    }

    fn checked(self, ctx: &Ctx) -> Result<Script, String> {
        match self.declare(ctx) {
            Ok(_) => Ok(self),
            Err(error) => Err(fault::caught(ctx, error, self.shift)),
        }
    }

    fn with_default(self) -> Result<Script, String> {
        if self.source.contains("default") {
            return Ok(self);
        }
        Err("The script exports nothing as default: write export default (records, ctx) => …".to_owned())
    }

    /// Hands the script to the engine, which parses it.
    pub(crate) fn declare<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<Module<'js, Declared>> {
        Module::declare(ctx.clone(), NAME, self.source.as_str())
    }
}

/// Whether the word `export` stands anywhere as a word.
fn speaks_of_export(text: &str) -> bool {
    let part_of_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$' | '.');
    text.match_indices("export").any(|(at, word)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(part_of_name) && !after.is_some_and(part_of_name)
    })
}
