//! Modules that come and go while the program runs.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use actions::host::{Cache, Compiler, Host, Limits};
use engine::model::grant::Capability;
use engine::ports::actions::Actions;
use serde_json::json;

use crate::stage::{Opening, compiler, hostile, prebuilt};

async fn host(folder: &Path, compiler: Compiler) -> Host {
    let cache = Cache::at(folder.join("cache")).expect("a cache");
    let limits = Limits { instances: 4, ..Limits::default() };
    Host::new(limits, compiler, cache, []).await.expect("a host")
}

/// A compiler that leaves a mark each time it is called.
fn counting(folder: &Path) -> Compiler {
    let (program, marks) = (folder.join("compiler"), folder.join("marks"));
    let script = format!("#!/bin/sh\necho x >>{}\nexec {} \"$@\"\n", marks.display(), env!("CARGO_BIN_EXE_ropewalk"));
    std::fs::write(&program, script).expect("a file");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).expect("a program");
    Compiler::with_program(program)
}

fn compiled(folder: &Path) -> usize {
    std::fs::read_to_string(folder.join("marks")).unwrap_or_default().lines().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_is_compiled_once_however_many_ask_for_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host(folder.path(), counting(folder.path())).await;
    let component: Arc<[u8]> = hostile("honest").into();
    let mut loading = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let (host, component) = (host.clone(), Arc::clone(&component));
        loading.spawn(async move { host.load(component).await.expect("a module") });
    }
    let infos = loading.join_all().await;
    assert!(infos.iter().all(|info| info == &infos[0]));
    assert_eq!(compiled(folder.path()), 1);
    let info = &infos[0];
    assert_eq!((info.key.as_str(), info.version.to_string().as_str()), ("hostile", "0.1.0"));
    assert_eq!((info.size, info.digest.len()), (component.len() as u64, 64));
    assert!(info.description.as_ref().is_some_and(|text| text.contains("misbehave")) && info.licence.is_some());
    assert!(info.capabilities.contains(&Capability::Http) && !info.is_pure());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_is_recalled_from_the_disk_and_forgotten_by_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = host(folder.path(), counting(folder.path())).await;
    let info = first.load(hostile("honest").into()).await.expect("a module");
    let second = host(folder.path(), counting(folder.path())).await;
    let opening = || Opening::misbehave(&info, json!({"how": "whisper", "count": 1}));
    let failure = opening().take(&second).await.map(drop).expect_err("it is not ready");
    assert!(failure.message.contains("hostile@0.1.0 is not loaded"), "{}", failure.message);
    assert!(second.recall(&info.digest).await);
    assert!(opening().take(&second).await.is_ok());
    // What is running goes on.
    let mut line = opening().open(&second).await.expect("a line");
    second.unload(&info.digest);
    assert!(line.take(0, &[json!({})]).await.is_ok());
    assert!(opening().open(&second).await.is_err());
    assert_eq!(second.load(hostile("honest").into()).await.expect("a module"), info);
    assert_eq!(compiled(folder.path()), 1);
    for unknown in ["", "../../etc/passwd", &"0".repeat(64), &info.digest.to_uppercase()] {
        assert!(!second.recall(unknown).await, "{unknown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_on_the_disk_is_compiled_again_and_what_is_refused_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = host(folder.path(), counting(folder.path())).await;
    assert!(first.load(hostile("none").into()).await.is_err());
    let left = || std::fs::read_dir(folder.path().join("cache")).expect("a folder").flatten().collect::<Vec<_>>();
    assert!(left().is_empty(), "{:?}", left());
    let info = first.load(hostile("honest").into()).await.expect("a module");
    for entry in left().into_iter().filter(|entry| entry.path().extension().is_some_and(|ending| ending == "cwasm")) {
        let mut code = std::fs::read(entry.path()).expect("code");
        let middle = code.len() / 2;
        code[middle] ^= 1;
        std::fs::write(entry.path(), code).expect("a file");
    }
    let second = host(folder.path(), counting(folder.path())).await;
    assert!(!second.recall(&info.digest).await);
    assert_eq!(second.load(hostile("honest").into()).await.expect("a module"), info);
    assert_eq!(compiled(folder.path()), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_with_the_program_stays_ready() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = Cache::at(folder.path().join("cache")).expect("a cache");
    let limits = Limits { instances: 4, ..Limits::default() };
    let host = Host::new(limits, compiler(), cache, [prebuilt("jobs").into()]).await.expect("a host");
    let [info] = host.bundled().try_into().expect("one module");
    assert_eq!((info.key.as_str(), info.capabilities.contains(&Capability::Jobs)), ("jobs", true));
    host.unload(&info.digest);
    assert!(host.recall(&info.digest).await);
}
