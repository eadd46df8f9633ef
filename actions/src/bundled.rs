//! The modules that come with the program.
//!
//! They are built from `modules/` by `modules/build` and kept in `prebuilt/`, so
//! that building the program needs no second toolchain.

use std::borrow::Cow;

use crate::host::Installable;

const STANDARD: &[u8] = include_bytes!("../prebuilt/standard.wasm");
const JS: &[u8] = include_bytes!("../prebuilt/js.wasm");

/// Every bundled module.
pub fn modules() -> Vec<Installable> {
    [("standard", STANDARD), ("js", JS)]
        .map(|(key, component)| Installable { key: key.to_owned(), component: Cow::Borrowed(component) })
        .into()
}
