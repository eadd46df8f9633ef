//! The modules that come with the program.
//!
//! They are built from `modules/` by `modules/build` and kept in `prebuilt/`, so
//! that building the program needs no second toolchain.

/// A `static`, so that the bytes are in the program once, however often it is used.
static MODULES: [&[u8]; 5] = [
    include_bytes!("../prebuilt/standard.wasm"),
    include_bytes!("../prebuilt/js.wasm"),
    include_bytes!("../prebuilt/collections.wasm"),
    include_bytes!("../prebuilt/http.wasm"),
    include_bytes!("../prebuilt/jobs.wasm"),
];

/// Every bundled module, as a component. Each names itself.
pub fn modules() -> [&'static [u8]; 5] {
    MODULES
}

/// TypeScript types of everything that scripts of the module `js` can use, for editors.
pub static SCRIPT_TYPES: &str = include_str!("../modules/js/ropewalk.d.ts");
