//! The modules that come with the program.
//!
//! They are built from `modules/` by `modules/build` and kept in `prebuilt/`, so
//! that building the program needs no second toolchain. Beside each is what it lists, so that only
//! the modules that a job uses have to be compiled.

use std::borrow::Cow;

/// A module that comes with the program.
#[derive(Debug, Clone)]
pub struct Bundled {
    /// The component.
    pub component: Cow<'static, [u8]>,
    /// What it lists, as JSON. With none, it is loaded at once and asked.
    pub description: Option<&'static str>,
}

impl From<Vec<u8>> for Bundled {
    fn from(component: Vec<u8>) -> Self {
        Self { component: component.into(), description: None }
    }
}

macro_rules! bundled {
    ($($name:literal)*) => {
        /// The names of the bundled modules, in the order of [`modules`].
        pub const NAMES: [&str; [$($name),*].len()] = [$($name),*];

        /// A `static`, so that the bytes are in the program once, however often it is used.
        static MODULES: [(&[u8], &str); NAMES.len()] = [
            $((
                include_bytes!(concat!("../prebuilt/", $name, ".wasm")),
                include_str!(concat!("../prebuilt/", $name, ".json")),
            )),*
        ];
    };
}

bundled!("standard" "js" "collections" "http" "jobs" "validate");

/// Every bundled module.
pub fn modules() -> [Bundled; NAMES.len()] {
    MODULES.map(|(component, description)| Bundled { component: component.into(), description: Some(description) })
}

/// TypeScript types of everything that scripts of the module `js` can use, for editors.
pub static SCRIPT_TYPES: &str = include_str!("../modules/js/ropewalk.d.ts");
