//! The bundled modules are built from the sources that stand beside them, and their descriptions say what they list.

use std::fs;
use std::process::Command;

use actions::bundled;
use actions::host::{Limits, description_of};

use crate::stage::{host, load, prebuilt};
use crate::support::root;

#[test]
fn prebuilt_modules_carry_the_hash_of_their_sources() {
    let noted = fs::read_to_string(root().join("actions/prebuilt/SOURCES.sha256")).expect("a hash");
    let computed = Command::new(root().join("actions/modules/sources-hash")).output().expect("the script runs");
    let computed = String::from_utf8(computed.stdout).expect("UTF-8");
    assert_eq!(noted.trim(), computed.trim(), "sources of the bundled modules changed: run actions/modules/build");
}

#[tokio::test(flavor = "multi_thread")]
async fn prebuilt_modules_list_what_their_descriptions_say() {
    let host = host(Limits::default()).await;
    for name in bundled::NAMES {
        let listed = description_of(&load(&host, prebuilt(name)).await);
        let path = root().join(format!("actions/prebuilt/{name}.json"));
        if std::env::var_os("UPDATE_MODULES").is_some() {
            fs::write(path, listed).expect("a file");
        } else {
            let kept = fs::read_to_string(path).expect("a description");
            assert_eq!(kept, listed, "{name} lists something else: run `UPDATE_MODULES=1 cargo test prebuilt`");
        }
    }
}
