//! The guide: every example of it does what the page shows. `pages.rs` says how examples are written.

use std::collections::BTreeSet;
use std::fs;

use crate::pages::play;
use crate::support::root;

/// Pages that lead to others, and have no examples of their own.
const WITHOUT_EXAMPLES: [&str; 2] = ["README.md", "reference.md"];

fn pages() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("docs/guide")).expect("the guide");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    names.filter(|name| name.ends_with(".md")).collect()
}

#[test]
fn every_example_does_what_the_guide_shows() {
    let mut faults = Vec::new();
    for page in pages().iter().filter(|page| !WITHOUT_EXAMPLES.contains(&page.as_str())) {
        let (examples, differing) = play(&format!("docs/guide/{page}"));
        faults.extend(differing);
        if examples == 0 {
            faults.push(format!("docs/guide/{page} has no example that can be run"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_index_names_every_chapter() {
    let index = fs::read_to_string(root().join("docs/guide/README.md")).expect("the index");
    for page in pages().iter().filter(|page| *page != "README.md") {
        assert!(index.contains(&format!("]({page})")), "docs/guide/README.md does not name {page}");
    }
}

#[test]
fn links_of_the_guide_lead_to_files() {
    let chapters = pages().into_iter().map(|page| format!("docs/guide/{page}"));
    for page in chapters.chain(["README.md".to_owned(), "docs/modules.md".to_owned(), "docs/limits.md".to_owned()]) {
        let path = root().join(&page);
        let text = fs::read_to_string(&path).expect("a page");
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://") && !link.starts_with('#') && !link.contains(' ')) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = path.with_file_name(file);
            assert!(target.exists(), "{page} links to {link}, which is not there");
            if !heading.is_empty() {
                let text = fs::read_to_string(target).expect("a page");
                let found = text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading);
                assert!(found, "{page} links to {link}, but there is no such heading");
            }
        }
    }
}

/// What a link calls a heading.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.replace(' ', "-").chars().filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter)).collect()
}
