//! Scripts whose `return` was forgotten: nothing comes of them, whatever the records are.
//!
//! Only what is certain counts. A script that acts on some days only, or that returns
//! records under a condition, must not fail on the days on which it does nothing.

use ropewalk_sdk::Failure;
use rquickjs::{Ctx, Module};

use crate::script::NAME;

/// Words of everything by which a script acts without returning anything: it logs, sends,
/// writes to a collection, starts a job, or stops the line.
const ACTING: [&str; 9] = ["console", "log", "fetch", "http", "insert", "upsert", "write", "startJob", "throw"];

/// Most braces that may stand before the body of a function, in its parameters.
const BRACES: usize = 32;

/// Refuses a script over records that returned nothing and changed nothing, when it names
/// nothing that acts and has no `return`. `function` is the source of what was called.
pub(crate) fn check_script(ctx: &Ctx, script: &str, function: &str) -> Result<(), Failure> {
    let forgotten = !acts(script) && (lacks_return(ctx, function) || is_arrow_to_value(ctx, function));
    match forgotten {
        true => Err(Failure::new(
            "The script returned nothing and did nothing: write `return` before the records that go on, such as return records.map(…)",
        )),
        false => Ok(()),
    }
}

/// Refuses a predicate that answered nothing and has no `return`, so that it would keep no
/// record at all.
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
    // `delete` is also an operator on fields, which does not act outside of the script.
    script.split(|letter| !is_part(letter)).any(|word| ACTING.contains(&word)) || script.contains(".delete(")
}

/// Whether the function's body is a block without a `return` of its own. Such a block can
/// be read as a module, where `return` is an error of syntax; those of inner functions are not.
fn lacks_return(ctx: &Ctx, function: &str) -> bool {
    body(ctx, function).is_some_and(|body| parses(ctx, body))
}

/// Whether the function is an arrow to an expression, whose value it returns.
fn is_arrow_to_value(ctx: &Ctx, function: &str) -> bool {
    body(ctx, function).is_none() && parses(ctx, &format!("({function}\n)"))
}

/// What stands between the braces of a function, if it has any. Its body begins at the
/// first brace that makes a whole function of what stands before it.
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
