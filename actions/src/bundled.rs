//! The modules that come with the program.
//!
//! They are built from `modules/` by `modules/build` and kept in `prebuilt/`, so
//! that building the program needs no second toolchain.

const STANDARD: &[u8] = include_bytes!("../prebuilt/standard.wasm");
const JS: &[u8] = include_bytes!("../prebuilt/js.wasm");

/// Every bundled module, as a component. Each names itself.
pub fn modules() -> [&'static [u8]; 2] {
    [STANDARD, JS]
}
