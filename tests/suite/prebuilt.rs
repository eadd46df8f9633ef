//! The bundled modules are built from the sources that stand beside them.

use std::fs;
use std::process::Command;

use crate::support::root;

#[test]
fn prebuilt_modules_carry_the_hash_of_their_sources() {
    let noted = fs::read_to_string(root().join("actions/prebuilt/SOURCES.sha256")).expect("a hash");
    let computed = Command::new(root().join("actions/modules/sources-hash")).output().expect("the script runs");
    let computed = String::from_utf8(computed.stdout).expect("UTF-8");
    assert_eq!(noted.trim(), computed.trim(), "sources of the bundled modules changed: run actions/modules/build");
}
