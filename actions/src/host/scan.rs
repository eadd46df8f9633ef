//! A look at a component before anything compiles it: is it one, and does it
//! stay within the sizes that compile in bounded time?

use wasmparser::{Parser, Payload};

use super::limits::{Limits, in_words};

/// Checks a component.
///
/// # Errors
/// One sentence with the first thing that is wrong.
pub fn scan(component: &[u8], limits: &Limits) -> Result<(), String> {
    if component.len() > limits.component {
        return Err(format!("has {}; at most {} are allowed", in_words(component.len()), in_words(limits.component)));
    }
    if !Parser::is_component(component) {
        return Err(not_a_component(component));
    }
    let mut functions = 0;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.map_err(|error| format!("is damaged: {error}"))?;
        functions += check(&payload, limits)?;
        if functions > limits.functions {
            return Err(format!("has more than {} functions", limits.functions));
        }
    }
    Ok(())
}

fn not_a_component(bytes: &[u8]) -> String {
    match Parser::is_core_wasm(bytes) {
        true => "is a core WASM module, not a component; encode it with `wasm-tools component new`".to_owned(),
        false => "is not a WASM component".to_owned(),
    }
}

/// How many functions the payload adds.
fn check(payload: &Payload<'_>, limits: &Limits) -> Result<u32, String> {
    match payload {
        Payload::CodeSectionStart { count, .. } => Ok(*count),
        Payload::CodeSectionEntry(body) => {
            let size = body.range().len();
            match size > limits.function {
                true => Err(format!(
                    "has a function of {}; at most {} are allowed",
                    in_words(size),
                    in_words(limits.function)
                )),
                false => Ok(0),
            }
        }
        _ => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_component_is_told_apart() {
        let limits = Limits::default();
        assert_eq!(scan(b"random bytes", &limits).unwrap_err(), "is not a WASM component");
        assert!(scan(b"\0asm\x01\0\0\0", &limits).unwrap_err().contains("core WASM module"));
        assert!(scan(&[0; 100], &Limits { component: 10, ..limits }).unwrap_err().contains("at most"));
    }

    #[test]
    fn the_bundled_modules_pass_and_a_truncated_one_does_not() {
        for module in crate::bundled::modules() {
            scan(&module.component, &Limits::default()).unwrap();
            let half = &module.component[..module.component.len() / 2];
            assert!(scan(half, &Limits::default()).unwrap_err().starts_with("is damaged"));
        }
    }
}
