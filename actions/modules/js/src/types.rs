//! Tests that `ropewalk.d.ts` declares exactly what scripts can use.

use ropewalk_sdk::testing::{host, run};
use ropewalk_sdk::{Value, json};

use crate::action::Js;

const TYPES: &str = include_str!("../ropewalk.d.ts");

/// The members that a block of the types declares, sorted and without duplicates.
fn declared(block: &str) -> Vec<String> {
    let start = TYPES.find(block).unwrap_or_else(|| panic!("the types have no {block}")) + block.len();
    let indent = " ".repeat(2 + block.len() - block.trim_start().len());
    let lines = TYPES[start..].lines().skip(1);
    let lines = lines.take_while(|line| line.is_empty() || line.starts_with(&indent));
    let member = |line: &str| {
        let line = line
            .strip_prefix(&indent)?
            .strip_prefix("readonly ")
            .map_or_else(|| line[indent.len()..].to_owned(), str::to_owned);
        let name: String = line.chars().take_while(|letter| letter.is_ascii_alphanumeric()).collect();
        (!name.is_empty() && name != "constructor").then_some(name)
    };
    sorted(lines.filter_map(member).collect())
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names.dedup();
    names
}

/// The names that an expression returns in a script.
fn present(expression: &str) -> Vec<String> {
    let _host = host();
    let script = format!("return [{{ names: {expression} }}]");
    let report = run::<Js>(json!({"script": script}), &[json!([])]).expect(expression);
    let names = report.records[0]["names"].as_array().cloned().unwrap_or_default();
    sorted(names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// The methods and accessors of a class, and the fields of one value of it.
fn class(name: &str) -> Vec<String> {
    present(&format!(
        "[...Object.getOwnPropertyNames({name}.prototype), ...Object.keys(new {name}())].filter(name => name !== 'constructor')"
    ))
}

#[test]
fn ctx_has_exactly_what_is_declared() {
    assert_eq!(declared("export interface Context {"), present("Object.keys(ctx)"));
    assert_eq!(declared("export interface Log {"), present("Object.keys(ctx.log)"));
    let collection = declared("export interface Collection<T extends Data = Data> {");
    assert_eq!(collection, present("Object.keys(ctx.collection('c'))"));
}

#[test]
fn every_class_has_exactly_what_is_declared() {
    assert_eq!(declared("  class Headers implements Iterable<[string, string]> {"), class("Headers"));
    assert_eq!(declared("  class Response {"), class("Response"));
    assert_eq!(declared("  class TextEncoder {"), class("TextEncoder"));
    assert_eq!(declared("  class TextDecoder {"), class("TextDecoder"));
    assert_eq!(declared("  class URLSearchParams implements Iterable<[string, string]> {"), class("URLSearchParams"));
    assert_eq!(declared("  const console: {"), present("Object.keys(console)"));
}

#[test]
fn every_global_of_the_web_is_declared() {
    let declared = TYPES.lines().filter_map(|line| {
        let line = line
            .strip_prefix("  function ")
            .or_else(|| line.strip_prefix("  class "))
            .or_else(|| line.strip_prefix("  const "))?;
        Some(line.chars().take_while(|letter| letter.is_ascii_alphanumeric()).collect())
    });
    let web = "['fetch', 'Headers', 'Response', 'Request', 'URL', 'URLSearchParams', 'TextEncoder', 'TextDecoder', 'structuredClone', \
               'atob', 'btoa', 'console', 'setTimeout', 'crypto', 'AbortController', 'Blob', 'FormData'].filter(name => name in globalThis)";
    assert_eq!(sorted(declared.collect()), present(web));
}
