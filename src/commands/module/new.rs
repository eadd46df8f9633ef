//! `ropewalk module new NAME`: creates a project that builds, with the SDK and the WIT files in it.

use std::fs;
use std::path::{Path, PathBuf};

use actions::authoring::{SDK, WIT};
use clap::Args;
use engine::model::module::is_key;

use crate::Failed;
use crate::stdio::print;

/// What to create, and where.
#[derive(Args)]
pub struct Options {
    /// Key of the module: lower-case words joined by hyphens
    name: String,
    /// Folder to create; default: the name of the module
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

const TEMPLATE: [(&str, &str); 5] = [
    ("Cargo.toml", include_str!("template/Cargo.toml.txt")),
    ("README.md", include_str!("template/README.md")),
    ("src/lib.rs", include_str!("template/lib.rs.txt")),
    ("cases/shout.json", include_str!("template/shout.json")),
    (".gitignore", "/target\n"),
];

/// Creates the project.
pub fn new(options: &Options) -> Result<(), Failed> {
    if !is_key(&options.name) || options.name.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(Failed::Refused(format!(
            "`{}` is not a valid module name; write lower-case words joined by hyphens, beginning with a letter",
            options.name
        )));
    }
    let folder = options.folder.clone().unwrap_or_else(|| PathBuf::from(&options.name));
    if folder.exists() {
        return Err(Failed::Refused(format!("{} exists already; choose another folder", folder.display())));
    }
    for (path, text) in TEMPLATE {
        write(&folder.join(path), &text.replace("{{name}}", &options.name))?;
    }
    for (part, files) in [("sdk", SDK), ("wit", WIT)] {
        for (path, text) in files {
            write(&folder.join("vendor/ropewalk").join(part).join(path), text)?;
        }
    }
    print(&format!(
        "{0}: a module with one action, `shout`, in src/lib.rs\n\n  ropewalk module build {0}\n  ropewalk module check {0}",
        folder.display()
    ))
}

fn write(path: &Path, text: &str) -> Result<(), Failed> {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text));
    made.map_err(|error| Failed::Broken(format!("{}: cannot be written: {error}", path.display())))
}
