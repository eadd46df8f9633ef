//! Makes components from the built guests.
//!
//! `assemble <metadata> <built> <out>`: `metadata` is the output of `cargo metadata --no-deps`,
//! `built` the directory with the core modules, `out` the directory for the components. Each
//! guest that exports an initialization function is initialized once, so that it starts with
//! that memory. It is then encoded as a component, gets its metadata, and is refused if its
//! imports differ from those that it declares.

mod check;
mod guest;
mod warm;

use std::error::Error;
use std::fs;
use std::path::Path;

use guest::Guest;
use wasm_metadata::{AddMetadata, AddMetadataField};
use wit_component::ComponentEncoder;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [metadata, built, out] = &arguments[..] else {
        return Err("usage: assemble <metadata> <built> <out>".into());
    };
    for guest in Guest::all(&fs::read_to_string(metadata)?)? {
        let core = fs::read(Path::new(built).join(format!("{}.wasm", guest.name)))?;
        let assembled = assemble(&guest, &core).map_err(|error| format!("{}: {error:#}", guest.name));
        let (component, capabilities) = assembled?;
        fs::write(Path::new(out).join(format!("{}.wasm", guest.name)), &component)?;
        let (size, imports) = (component.len().div_ceil(1000), capabilities.join(", "));
        println!("{} {}: {size} KB, imports {imports}", guest.name, guest.version);
    }
    Ok(())
}

fn assemble(guest: &Guest, core: &[u8]) -> Outcome<(Vec<u8>, Vec<String>)> {
    let core = warm::warm(core)?;
    let component = ComponentEncoder::default().validate(true).module(&core)?.encode()?;
    let component = add_metadata(guest, &component)?;
    let capabilities = check::check(guest, &component)?;
    Ok((component, capabilities))
}

/// Writes name, version, description and licence where a host can read them without running the guest.
fn add_metadata(guest: &Guest, component: &[u8]) -> Outcome<Vec<u8>> {
    let mut metadata = AddMetadata::default();
    metadata.name = AddMetadataField::Set(guest.name.clone());
    metadata.version = AddMetadataField::Set(guest.version.parse()?);
    metadata.description = AddMetadataField::Set(guest.description.parse()?);
    metadata.licenses = AddMetadataField::Set(guest.license.parse()?);
    Ok(metadata.to_wasm(component)?)
}
