//! Finds scripts whose `return` was forgotten, so that they have no effect for any records.
//!
//! Only certain cases are errors. A script that acts only sometimes, or that returns records
//! only under a condition, must not fail when it does nothing.

use ropewalk_sdk::Failure;
use rquickjs::{Ctx, Module};

use crate::script::NAME;

/// Names that a script uses to act without a `return`: it logs, sends a request, writes to a
/// collection, starts a job, or stops the line.
const ACTING: [&str; 9] = ["console", "log", "fetch", "http", "insert", "upsert", "write", "startJob", "throw"];

/// Most braces before the body of a function, in its parameters.
const BRACES: usize = 32;

/// Refuses a script that returned nothing and changed nothing, if it has no `return` and uses none of
/// these names. `function` is the source of the function that was called.
pub(crate) fn check_script(ctx: &Ctx, script: &str, function: &str) -> Result<(), Failure> {
    let is_missing = !acts(script) && (lacks_return(ctx, function) || is_arrow_to_value(ctx, function));
    match is_missing {
        true => Err(Failure::new(
            "The script returned nothing and did nothing: write `return` before the new records, such as return records.map(…)",
        )),
        false => Ok(()),
    }
}

/// Refuses a predicate that returned nothing and has no `return`, because it would keep no record.
pub(crate) fn check_predicate(ctx: &Ctx, function: &str) -> Result<(), Failure> {
    match lacks_return(ctx, function) {
        true => Err(Failure::new(
            "The script returned nothing for any record: write `return` before the condition, such as return record.total > 100",
        )),
        false => Ok(()),
    }
}

fn acts(script: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$');
    // `delete` is also an operator on fields, which has no effect outside of the script.
    script.split(|letter| !is_part(letter)).any(|word| ACTING.contains(&word)) || script.contains(".delete(")
}

/// Whether the function's body is a block without its own `return`. Such a block can be parsed as a
/// module, where `return` is a syntax error outside of inner functions.
fn lacks_return(ctx: &Ctx, function: &str) -> bool {
    body(ctx, function).is_some_and(|body| parses(ctx, body))
}

/// Whether the function is an arrow function with an expression, whose value it returns.
fn is_arrow_to_value(ctx: &Ctx, function: &str) -> bool {
    body(ctx, function).is_none() && parses(ctx, &format!("({function}\n)"))
}

/// The text between the braces of a function, if it has a block. The block begins at the first brace
/// that can end a complete function, if it is followed by a closing one.
fn body<'a>(ctx: &Ctx, function: &'a str) -> Option<&'a str> {
    let inner = function.strip_suffix('}')?;
    let mut braces = inner.match_indices('{').map(|(at, _)| at).take(BRACES);
    let start = braces.find(|at| parses(ctx, &format!("({}{{}})", &inner[..*at])))?;
    Some(&inner[start + 1..])
}

fn parses(ctx: &Ctx, source: &str) -> bool {
    let parsed = Module::declare(ctx.clone(), NAME, source).is_ok();
    if !parsed {
        ctx.catch();
    }
    parsed
}
