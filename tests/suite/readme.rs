//! The README: its commands print what it shows, and its job is the example of that name.

use std::fs;

use crate::pages::play;
use crate::support::root;

const LONGEST: usize = 100;

#[test]
fn the_commands_of_the_readme_print_what_it_shows() {
    let (examples, faults) = play("README.md");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(examples >= 2, "the README shows a job and its output");
}

#[test]
fn the_readme_is_short() {
    let text = fs::read_to_string(root().join("README.md")).expect("the README");
    assert!(text.lines().count() <= LONGEST, "the README is longer than {LONGEST} lines");
}

#[test]
fn what_the_readme_calls_missing_is_missing() {
    let schema = engine::model::job_schema::job_schema().to_string();
    for word in ["\"connection\"", "\"sql\""] {
        assert!(!schema.contains(word), "job files have {word} now: say so in the README");
    }
}
