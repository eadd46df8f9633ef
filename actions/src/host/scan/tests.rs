use super::*;

fn faults(text: &str, limits: &Limits) -> Vec<String> {
    scan(&wat::parse_str(text).unwrap(), limits).unwrap_err()
}

#[test]
fn other_files_are_recognized() {
    let limits = Limits::default();
    assert!(scan(b"random bytes", &limits).unwrap_err()[0].starts_with("is not a WASM component"));
    assert!(scan(b"", &limits).unwrap_err()[0].starts_with("is not a WASM component"));
    assert!(scan(b"\0asm\x01\0\0\0", &limits).unwrap_err()[0].contains("core WASM module"));
    let small = Limits { component: 10, ..limits };
    assert_eq!(scan(&[0; 100], &small).unwrap_err(), ["has 100 bytes; at most 10 bytes are allowed"]);
}

#[test]
fn the_bundled_modules_pass_and_a_truncated_one_does_not() {
    for bundled in crate::bundled::modules() {
        let component = &*bundled.component;
        let surface = scan(component, &Limits::default()).unwrap();
        assert!(surface.imports.iter().any(|name| name.starts_with("ropewalk:host/")), "{surface:?}");
        assert!(surface.exports.iter().any(|name| name == "ropewalk:action/actions@1.0.0"), "{surface:?}");
        let half = &component[..component.len() / 2];
        assert!(scan(half, &Limits::default()).unwrap_err()[0].starts_with("is damaged"));
    }
}

#[test]
fn every_exceeded_limit_is_reported() {
    let text = r#"(component
        (core module (memory 5000) (table 200000 funcref) (func nop) (func nop))
        (core module (memory 1))
    )"#;
    let limits = Limits { functions: 1, ..Limits::default() };
    assert_eq!(
        faults(text, &limits),
        [
            "starts with a table of 200000 elements; at most 100000 are allowed",
            "starts with 312 MiB of memory; at most 256 MiB are allowed",
            "has 2 functions; at most 1 are allowed",
            "has 2 linear memories; at most 1 are allowed",
        ]
    );
}

#[test]
fn a_long_function_is_reported_with_its_size() {
    let text = format!("(component (core module (func {})))", "nop ".repeat(3000));
    let limits = Limits { function: 2048, ..Limits::default() };
    assert_eq!(faults(&text, &limits), ["has a function of 2 KiB; at most 2 KiB are allowed"]);
}

#[test]
fn nested_components_are_counted_and_their_imports_ignored() {
    let nested = |depth: usize| format!("(component {} {})", "(component ".repeat(depth), ")".repeat(depth));
    assert!(scan(&wat::parse_str(nested(10)).unwrap(), &Limits::default()).is_ok());
    assert_eq!(faults(&nested(11), &Limits::default()), ["nests components and modules more than 10 levels deep"]);
    let text = r#"(component (import "outer" (func)) (component (import "inner" (func))))"#;
    let surface = scan(&wat::parse_str(text).unwrap(), &Limits::default()).unwrap();
    assert_eq!(surface.imports, ["outer"]);
}

#[test]
fn many_small_things_are_counted() {
    let limits = Limits { declarations: 3, ..Limits::default() };
    let types = format!("(component {})", "(type (func)) ".repeat(4));
    assert_eq!(faults(&types, &limits), ["has 4 types; at most 3 are allowed"]);
    let imports = (0..4).map(|no| format!("(import \"i{no}\" (func))")).collect::<String>();
    let faults = faults(&format!("(component {imports})"), &limits);
    assert!(faults.contains(&"has 4 imports; at most 3 are allowed".to_owned()), "{faults:?}");
    let core = format!("(component (core module $m) {})", "(core instance (instantiate $m))".repeat(40));
    let faults = scan(&wat::parse_str(core).unwrap(), &Limits::default()).unwrap_err();
    assert_eq!(faults, ["has 40 instances of core modules; at most 32 are allowed"]);
}
