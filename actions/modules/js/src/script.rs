//! Parses scripts in the forms that people write: an ES module with a default export, a
//! function, or the body of a function.

use ropewalk_sdk::Failure;
use rquickjs::{Ctx, Module, module::Declared};

use crate::fault::{self, Shift};

/// The file name of scripts in errors.
pub(crate) const NAME: &str = "script.js";

/// What is added around a script to make a module. There is no line break before the script, so that
/// its lines keep their numbers.
struct Form {
    before: &'static str,
    after: &'static str,
}

const MODULE: Form = Form { before: "", after: "" };
const BODY: Form = Form { before: "export default async function (records, ctx) {", after: "\n}" };
const EXPRESSION: Form = Form { before: "export default async (records, ctx) => (", after: "\n)" };
const PREDICATE: Form = Form { before: "export default (record, ctx) => (", after: "\n)" };
const WAITING_PREDICATE: Form = Form { before: "export default async (record, ctx) => (", after: "\n)" };
const PREDICATE_BODY: Form = Form { before: "export default (record, ctx) => {", after: "\n}" };
const WAITING_PREDICATE_BODY: Form = Form { before: "export default async (record, ctx) => {", after: "\n}" };

/// A script that was parsed but not run.
pub(crate) struct Script {
    source: String,
    /// How far the first line was moved.
    pub(crate) shift: Shift,
    /// Whether it is an expression, whose value may be a function.
    pub(crate) bare: bool,
}

impl Script {
    /// Parses a script over records: a module, an expression, or the body of a function. The
    /// error is one sentence with line and column.
    pub(crate) fn parse(ctx: &Ctx, text: &str) -> Result<Script, Failure> {
        refuse_nul(text)?;
        Script::module_or(ctx, text, "(records, ctx) => …", || {
            let expression = EXPRESSION.parse(ctx, without_semicolon(text)).map(Script::expression);
            expression.or_else(|_| BODY.parse(ctx, text))
        })
    }

    /// Parses a predicate of one record: a module, an expression, or the body of a function.
    pub(crate) fn predicate(ctx: &Ctx, text: &str) -> Result<Script, Failure> {
        refuse_nul(text)?;
        if text.trim().is_empty() {
            return Err(Failure::new("The script is empty: write a condition such as record.total > 100"));
        }
        Script::module_or(ctx, text, "(record, ctx) => …", || {
            let expression = PREDICATE.or(ctx, without_semicolon(text), &[WAITING_PREDICATE]).map(Script::expression);
            if expression.is_ok() || !has_word(text, "return") {
                return expression;
            }
            PREDICATE_BODY.or(ctx, text, &[WAITING_PREDICATE_BODY])
        })
    }

    /// Parses a text with the word `export` as a module first. The word may also be in a string or a
    /// comment, so the other forms are tried after that.
    fn module_or(
        ctx: &Ctx,
        text: &str,
        usage: &str,
        other: impl FnOnce() -> Result<Script, Failure>,
    ) -> Result<Script, Failure> {
        if !has_word(text, "export") {
            return other();
        }
        let module = MODULE.parse(ctx, text).and_then(|script| script.with_default(usage));
        module.or_else(|error| other().map_err(|_| error))
    }

    fn expression(self) -> Script {
        Script { bare: true, ..self }
    }

    fn with_default(self, usage: &str) -> Result<Script, Failure> {
        if self.source.contains("default") {
            return Ok(self);
        }
        Err(Failure::new(format!("The script has no default export: write export default {usage}")))
    }

    /// The source of the module that is run.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Passes the script to the engine, which parses it.
    pub(crate) fn declare<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<Module<'js, Declared>> {
        Module::declare(ctx.clone(), NAME, self.source.as_str())
    }
}

impl Form {
    /// The script in this form, if it can be parsed.
    fn parse(&self, ctx: &Ctx, text: &str) -> Result<Script, Failure> {
        let source = format!("{}{text}{}", self.before, self.after);
        let last = text.rsplit('\n').next().unwrap_or_default().encode_utf16().count();
        let shift =
            Shift { columns: self.before.encode_utf16().count(), end: (text.matches('\n').count() + 1, last + 1) };
        let script = Script { source, shift, bare: false };
        match script.declare(ctx) {
            Ok(_) => Ok(script),
            Err(error) => Err(fault::caught(ctx, error, script.shift)),
        }
    }

    /// The script in this form or in one of the others. If none fits, the error is that of this form.
    fn or(&self, ctx: &Ctx, text: &str, others: &[Form]) -> Result<Script, Failure> {
        let first = self.parse(ctx, text);
        first.or_else(|error| others.iter().find_map(|form| form.parse(ctx, text).ok()).ok_or(error))
    }
}

/// Removes a semicolon at the end, because people may write an expression like a statement.
fn without_semicolon(text: &str) -> &str {
    text.trim_end().trim_end_matches(';')
}

fn refuse_nul(text: &str) -> Result<(), Failure> {
    match text.contains('\0') {
        true => Err(Failure::new("The script contains a NUL character: write \\0 instead")),
        false => Ok(()),
    }
}

/// Whether the text contains a word that is not a part of a longer name.
fn has_word(text: &str, word: &str) -> bool {
    let part_of_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$' | '.');
    text.match_indices(word).any(|(at, word)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(part_of_name) && !after.is_some_and(part_of_name)
    })
}
