//! The module `standard`: what most jobs need.
//!
//! One action, one file: parameters, schema, body, tests. To add one, write its file
//! and name it in the list below.

mod aggregate;
mod chance;
mod distinct;
mod fail;
mod limit;
mod log;
mod phrase;
mod report;
mod set;
mod sort;
mod top;
mod validate;

ropewalk_sdk::module![
    set::Set,
    sort::Sort,
    limit::Limit,
    top::Top,
    distinct::Distinct,
    aggregate::Aggregate,
    validate::Validate,
    report::Report,
    log::Log,
    fail::Fail,
];
