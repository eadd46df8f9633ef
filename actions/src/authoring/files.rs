//! The files of the SDK and of the contract, as they are written into a new project. A test
//! compares the lists with the folders.

/// The SDK for Rust, by path in its folder.
pub static SDK: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../../sdk/Cargo.toml")),
    ("src/action.rs", include_str!("../../sdk/src/action.rs")),
    ("src/collections.rs", include_str!("../../sdk/src/collections.rs")),
    ("src/collections/change.rs", include_str!("../../sdk/src/collections/change.rs")),
    ("src/collections/error.rs", include_str!("../../sdk/src/collections/error.rs")),
    ("src/collections/tests.rs", include_str!("../../sdk/src/collections/tests.rs")),
    ("src/collections/wire.rs", include_str!("../../sdk/src/collections/wire.rs")),
    ("src/context.rs", include_str!("../../sdk/src/context.rs")),
    ("src/failure.rs", include_str!("../../sdk/src/failure.rs")),
    ("src/function.rs", include_str!("../../sdk/src/function.rs")),
    ("src/function/tests.rs", include_str!("../../sdk/src/function/tests.rs")),
    ("src/http.rs", include_str!("../../sdk/src/http.rs")),
    ("src/http/error.rs", include_str!("../../sdk/src/http/error.rs")),
    ("src/http/moment.rs", include_str!("../../sdk/src/http/moment.rs")),
    ("src/http/request.rs", include_str!("../../sdk/src/http/request.rs")),
    ("src/http/response.rs", include_str!("../../sdk/src/http/response.rs")),
    ("src/http/tests.rs", include_str!("../../sdk/src/http/tests.rs")),
    ("src/jobs.rs", include_str!("../../sdk/src/jobs.rs")),
    ("src/jobs/ended.rs", include_str!("../../sdk/src/jobs/ended.rs")),
    ("src/jobs/error.rs", include_str!("../../sdk/src/jobs/error.rs")),
    ("src/jobs/start.rs", include_str!("../../sdk/src/jobs/start.rs")),
    ("src/lib.rs", include_str!("../../sdk/src/lib.rs")),
    ("src/log.rs", include_str!("../../sdk/src/log.rs")),
    ("src/module.rs", include_str!("../../sdk/src/module.rs")),
    ("src/outcome.rs", include_str!("../../sdk/src/outcome.rs")),
    ("src/record.rs", include_str!("../../sdk/src/record.rs")),
    ("src/records.rs", include_str!("../../sdk/src/records.rs")),
    ("src/testing.rs", include_str!("../../sdk/src/testing.rs")),
    ("src/testing/fake.rs", include_str!("../../sdk/src/testing/fake.rs")),
    ("src/testing/host.rs", include_str!("../../sdk/src/testing/host.rs")),
];

/// The contract, by path in its folder.
pub static WIT: &[(&str, &str)] = &[
    ("action.wit", include_str!("../../wit/action.wit")),
    ("deps/host/collections.wit", include_str!("../../wit/deps/host/collections.wit")),
    ("deps/host/http.wit", include_str!("../../wit/deps/host/http.wit")),
    ("deps/host/jobs.wit", include_str!("../../wit/deps/host/jobs.wit")),
    ("deps/host/log.wit", include_str!("../../wit/deps/host/log.wit")),
    ("module.wit", include_str!("../../wit/module.wit")),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    /// Collects every file below a folder, by its path there.
    fn collect_files(folder: &Path, below: &str, all: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                collect_files(&entry.path(), &format!("{name}/"), all);
            } else if name != "Cargo.lock" {
                all.insert(name);
            }
        }
    }

    #[test]
    fn no_file_of_the_sdk_or_the_contract_is_left_out() {
        for (folder, listed) in [("sdk", super::SDK), ("wit", super::WIT)] {
            let mut existing = BTreeSet::new();
            collect_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), "", &mut existing);
            let listed: BTreeSet<_> = listed.iter().map(|(path, _)| (*path).to_owned()).collect();
            assert_eq!(listed, existing);
        }
    }
}
