//! `ropewalk module build [DIR]`: builds an installable module from a project.

use std::path::{Path, PathBuf};
use std::process::Command;

use actions::authoring::{About, encode};
use clap::Args;
use serde_json::Value;

use super::toolchain::{TARGET, Toolchain};
use crate::Failed;
use crate::stdio::print;

/// What to build.
#[derive(Args)]
pub struct Options {
    /// Folder of the project
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

/// A project with the metadata of its manifest.
pub struct Project {
    pub about: About,
    /// The target folder of cargo.
    target: PathBuf,
}

impl Project {
    /// Reads the manifest of a folder.
    pub fn read(folder: &Path) -> Result<Self, Failed> {
        let refused = |message: String| Failed::Refused(format!("{}: {message}", folder.display()));
        if !folder.join("Cargo.toml").exists() {
            let message = "there is no Cargo.toml; name the folder of a module, or make one with `ropewalk module new`";
            return Err(refused(message.to_owned()));
        }
        let mut command = Command::new("cargo");
        command.current_dir(folder).args(["metadata", "--no-deps", "--format-version", "1"]);
        let output = command.output().map_err(|error| refused(no_cargo(&error)))?;
        if !output.status.success() {
            return Err(refused(format!(
                "cargo cannot read the project:\n{}",
                String::from_utf8_lossy(&output.stderr).trim()
            )));
        }
        let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|error| refused(error.to_string()))?;
        let package = &metadata["packages"][0];
        let text = |name: &str| package[name].as_str().map(str::to_owned);
        let authors: Vec<_> = package["authors"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let about = About {
            name: text("name").unwrap_or_default(),
            version: text("version").unwrap_or_default(),
            description: text("description"),
            authors: (!authors.is_empty()).then(|| authors.join(", ")),
            licence: text("license"),
        };
        let target = PathBuf::from(metadata["target_directory"].as_str().unwrap_or("target"));
        Ok(Self { about, target })
    }

    /// Path of the built module.
    pub fn module(&self) -> PathBuf {
        self.target.join("ropewalk").join(format!("{}.wasm", self.about.name))
    }

    fn core(&self) -> PathBuf {
        let file = format!("{}.wasm", self.about.name.replace('-', "_"));
        self.target.join(TARGET).join("release").join(file)
    }
}

fn no_cargo(error: &std::io::Error) -> String {
    format!("cargo cannot be started ({error}); install Rust from https://rustup.rs")
}

/// Builds the module and prints its path.
pub fn build(options: &Options) -> Result<(), Failed> {
    let project = Project::read(&options.folder)?;
    let toolchain = Toolchain::find().map_err(Failed::Refused)?;
    // If this build fails, the files of an earlier one must not look like its result.
    for earlier in [project.module(), project.core()] {
        let _ = std::fs::remove_file(earlier);
    }
    let built = toolchain.build(&options.folder, &project.target).status();
    let built = built.map_err(|error| Failed::Refused(no_cargo(&error)))?;
    if !built.success() {
        return Err(Failed::Refused(format!("{}: cargo could not build the module", options.folder.display())));
    }
    let broken = |path: &Path, error: &dyn std::fmt::Display| Failed::Broken(format!("{}: {error}", path.display()));
    let core = std::fs::read(project.core()).map_err(|error| broken(&project.core(), &error))?;
    let component = encode(&core, &project.about);
    let component = component.map_err(|error| Failed::Refused(format!("{}: {error}", options.folder.display())))?;
    let path = project.module();
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder.and_then(|()| std::fs::write(&path, &component)).map_err(|error| broken(&path, &error))?;
    print(&format!(
        "{}: {} {}, {} KB",
        path.display(),
        project.about.name,
        project.about.version,
        component.len().div_ceil(1000)
    ))
}
