//! Installed modules, their grants, and uploads.

use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use super::Stores;
use super::samples::{at, claim, finish, neighbours, new_version, scope, start};
use engine::model::action::{ActionSpec, Intake, ModuleDigest};
use engine::model::catalogue::Pin;
use engine::model::grant::{Capability, Grants};
use engine::model::module::{Installed, ModuleInfo, Owner};
use engine::model::organization::OrgScope;
use engine::model::status::Status;
use engine::ports::jobs::{Jobs, SaveError, SavedJob};
use engine::ports::modules::{InstallError, Modules, RemoveError, UPLOADS_AT_MOST, Upload, Uploads};

fn module(key: &str, version: &str, digest: &str, owner: Owner) -> Installed {
    let action = ActionSpec {
        module: key.to_owned(),
        name: "send.mail".to_owned(),
        title: "Send «mail»".to_owned(),
        summary: String::new(),
        parameters: json!({"type": "object", "properties": {"z": {"raw": true}, "a": {"default": 1e300}}}),
        intake: Intake::Whole,
    };
    let info = ModuleInfo {
        key: key.to_owned(),
        version: version.parse().expect("a version"),
        digest: digest.to_owned(),
        size: 3,
        description: Some("Sends".to_owned()),
        authors: None,
        licence: Some("MIT OR Apache-2.0".to_owned()),
        capabilities: [Capability::Log, Capability::Http].into(),
        actions: vec![action],
    };
    Installed { info, owner, installed_at: Some(at(1)), installed_by: "ana".to_owned() }
}

fn own(version: &str, digest: &str) -> Installed {
    module("shop", version, digest, Owner::Organization)
}

async fn install(store: &impl Stores, scope: OrgScope, module: &Installed) {
    let content = module.info.digest.as_bytes().into();
    store.install(scope, module, content).await.expect("an installation");
}

async fn visible(store: &impl Stores, scope: OrgScope) -> Vec<String> {
    let mut seen: Vec<_> = store.visible(scope).await.expect("modules").iter().map(ToString::to_string).collect();
    seen.sort();
    seen
}

async fn save(store: &impl Stores, scope: OrgScope, key: &str, digest: &str) -> SavedJob {
    let module = ModuleDigest { module: "shop".to_owned(), version: "1.0.0".to_owned(), digest: digest.to_owned() };
    let pins =
        vec![Pin { requirement: Some("1".to_owned()), module: module.clone() }, Pin { requirement: None, module }];
    let version = engine::ports::jobs::NewVersion { pins, ..new_version(key, json!({"n": digest}), None) };
    Jobs::save(store, scope, version).await.expect("a version")
}

pub async fn a_module_comes_back_as_it_was_installed(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let module = own("1.2.3-beta.1", "d1");
    install(store, acme, &module).await;
    assert_eq!(store.visible(acme).await.expect("modules"), [module]);
    assert_eq!(store.digests().await.expect("digests"), ["d1"]);
    assert_eq!(store.component("d1").await.expect("a component").as_deref(), Some(&b"d1"[..]));
    assert_eq!(store.component("d2").await.expect("an answer"), None);
}

pub async fn a_version_is_one_component_for_ever(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    install(store, acme, &own("1.0.0", "d1")).await;
    let again = Installed { installed_by: "ben".to_owned(), ..own("1.0.0", "d1") };
    install(store, acme, &again).await;
    assert_eq!(store.visible(acme).await.expect("modules"), [own("1.0.0", "d1")], "it stays as it was");
    let other = store.install(acme, &own("1.0.0", "d2"), Arc::from(*b"d2")).await;
    assert!(matches!(other, Err(InstallError::VersionTaken(version)) if version == "shop@1.0.0"));
    assert_eq!(store.component("d2").await.expect("an answer"), None, "what is refused is not kept");
    install(store, acme, &own("1.0.1", "d2")).await;
    assert_eq!(visible(store, acme).await, ["shop@1.0.0", "shop@1.0.1"]);
}

pub async fn a_module_is_seen_by_those_who_have_it(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    install(store, acme, &own("1.0.0", "d1")).await;
    install(store, globex, &own("1.0.0", "d2")).await;
    install(store, acme, &module("all", "1.0.0", "d3", Owner::Global)).await;
    assert_eq!(visible(store, acme).await, ["all@1.0.0", "shop@1.0.0"]);
    let theirs = store.visible(globex).await.expect("modules");
    assert_eq!(theirs.iter().map(|one| one.info.digest.as_str()).collect::<Vec<_>>().len(), 2);
    assert!(theirs.iter().any(|one| one.info.digest == "d2") && !theirs.iter().any(|one| one.info.digest == "d1"));
}

pub async fn a_key_is_global_or_of_organizations_but_not_both(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    install(store, acme, &own("1.0.0", "d1")).await;
    let global = store.install(globex, &module("shop", "2.0.0", "d2", Owner::Global), Arc::from(*b"d2")).await;
    assert!(matches!(global, Err(InstallError::KeyTaken(key)) if key == "shop"));
    install(store, acme, &module("all", "1.0.0", "d3", Owner::Global)).await;
    let own = store.install(globex, &module("all", "2.0.0", "d4", Owner::Organization), Arc::from(*b"d4")).await;
    assert!(matches!(own, Err(InstallError::KeyTaken(key)) if key == "all"));
}

pub async fn a_component_goes_with_the_last_who_has_it(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    install(store, acme, &own("1.0.0", "d1")).await;
    install(store, globex, &own("1.0.0", "d1")).await;
    let remove = async |scope| Modules::uninstall(store, scope, Owner::Organization, "shop", "1.0.0").await;
    assert!(!remove(acme).await.expect("a removal"), "another organization has it");
    assert!(store.component("d1").await.expect("an answer").is_some());
    assert!(matches!(remove(acme).await, Err(RemoveError::Absent)));
    assert!(remove(globex).await.expect("a removal"));
    assert_eq!(store.component("d1").await.expect("an answer"), None);
    assert_eq!(visible(store, globex).await, Vec::<String>::new());
}

pub async fn a_job_is_saved_with_what_is_installed(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    install(store, globex, &own("1.0.0", "d1")).await;
    let module = ModuleDigest { module: "shop".to_owned(), version: "1.0.0".to_owned(), digest: "d1".to_owned() };
    let version = || engine::ports::jobs::NewVersion {
        pins: vec![Pin { requirement: None, module: module.clone() }],
        ..new_version("job", json!({}), None)
    };
    let gone = Jobs::save(store, acme, version()).await;
    assert!(matches!(gone, Err(SaveError::Gone(told)) if told == "shop@1.0.0"), "another organization has it");
    assert_eq!(Jobs::find(store, acme, "job", None).await.expect("an answer"), None);
    assert_eq!(Jobs::save(store, globex, version()).await.expect("a version").version, 1);
}

pub async fn a_module_that_jobs_use_is_not_removed(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    for (scope, version, digest) in [(acme, "1.0.0", "d1"), (acme, "2.0.0", "d2"), (globex, "1.0.0", "d1")] {
        install(store, scope, &own(version, digest)).await;
    }
    let saved = save(store, acme, "job", "d1").await;
    assert_eq!(saved.pins.len(), 2);
    assert_eq!(Jobs::find(store, acme, "job", None).await.expect("an answer"), Some(saved));
    save(store, globex, "job", "d1").await;
    let users = store.users(acme, Owner::Organization, "d1").await.expect("users");
    assert_eq!(users.iter().map(ToString::to_string).collect::<Vec<_>>(), ["job (version 1)"]);
    let refused = Modules::uninstall(store, acme, Owner::Organization, "shop", "1.0.0").await;
    assert!(matches!(refused, Err(RemoveError::InUse(told)) if told == users));
    // Another version of the job does not use it, but a result of the old one is still running.
    store.start(acme, start(1, "job")).await.expect("a start");
    save(store, acme, "job", "d2").await;
    assert_eq!(store.users(acme, Owner::Organization, "d1").await.expect("users"), users);
    let claimed = claim(store, 1, at(50)).await.remove(0);
    assert_eq!(store.users(acme, Owner::Organization, "d1").await.expect("users"), users);
    store.finish(claimed.lease, finish(Status::Success)).await.expect("an end");
    assert!(store.users(acme, Owner::Organization, "d1").await.expect("users").is_empty());
    let gone = Modules::uninstall(store, acme, Owner::Organization, "shop", "1.0.0").await.expect("a removal");
    assert!(!gone, "the neighbours have the component too");
}

pub async fn a_global_module_is_used_by_any_organization(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    install(store, acme, &module("shop", "1.0.0", "d1", Owner::Global)).await;
    save(store, globex, "job", "d1").await;
    let users = store.users(acme, Owner::Global, "d1").await.expect("users");
    assert_eq!(users.iter().map(|user| user.organization).collect::<Vec<_>>(), [globex.organization()]);
    assert!(matches!(
        Modules::uninstall(store, acme, Owner::Global, "shop", "1.0.0").await,
        Err(RemoveError::InUse(_))
    ));
}

pub async fn grants_are_of_one_organization_and_are_replaced(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let read = |document| Grants::read(&document).expect("grants");
    let some =
        read(json!({"http": {"hosts": ["*.example.com"], "addresses": ["10.0.0.0/8"]}, "jobs": {"keys": ["*"]}}));
    store.grant(acme, "shop", &some).await.expect("a grant");
    assert_eq!(store.grants(acme).await.expect("grants"), [("shop".to_owned(), some)].into());
    assert!(store.grants(globex).await.expect("grants").is_empty());
    let less = read(json!({"collections": {"names": ["a"], "access": "read"}}));
    store.grant(acme, "shop", &less).await.expect("a grant");
    assert_eq!(store.grants(acme).await.expect("grants"), [("shop".to_owned(), less)].into());
}

pub async fn grants_go_with_the_last_version(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let all = Grants::read(&json!({"jobs": {"keys": ["*"]}})).expect("grants");
    for scope in [acme, globex] {
        install(store, scope, &own("1.0.0", "d1")).await;
        install(store, scope, &own("2.0.0", "d2")).await;
        store.grant(scope, "shop", &all).await.expect("a grant");
    }
    Modules::uninstall(store, acme, Owner::Organization, "shop", "1.0.0").await.expect("a removal");
    assert_eq!(store.grants(acme).await.expect("grants").len(), 1);
    Modules::uninstall(store, acme, Owner::Organization, "shop", "2.0.0").await.expect("a removal");
    assert!(store.grants(acme).await.expect("grants").is_empty());
    assert_eq!(store.grants(globex).await.expect("grants").len(), 1, "another organization's stay");
}

fn upload(number: u128, seconds: i64) -> Upload {
    let (digest, content) = (format!("d{number}"), Arc::from(number.to_be_bytes()));
    Upload { id: Uuid::from_u128(number), digest, content, uploaded_at: at(seconds) }
}

pub async fn an_upload_is_kept_until_it_is_used_or_old(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let first = upload(1, 100);
    assert!(Uploads::keep(store, acme, &first, at(0)).await.expect("an answer"));
    let uploaded = async |scope, stale| store.uploaded(scope, first.id, at(stale)).await.expect("an answer");
    assert_eq!(uploaded(acme, 0).await, Some(first.clone()));
    assert_eq!(uploaded(globex, 0).await, None);
    assert_eq!(uploaded(acme, 100).await, None, "it is too old by then");
    store.forget(globex, first.id).await.expect("an answer");
    assert_eq!(uploaded(acme, 0).await, Some(first.clone()));
    store.forget(acme, first.id).await.expect("an answer");
    assert_eq!(uploaded(acme, 0).await, None);
}

pub async fn uploads_do_not_pile_up(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    for number in 0..UPLOADS_AT_MOST as u128 {
        assert!(Uploads::keep(store, acme, &upload(number, 100), at(0)).await.expect("an answer"));
    }
    assert!(!Uploads::keep(store, acme, &upload(99, 200), at(0)).await.expect("an answer"));
    assert!(Uploads::keep(store, globex, &upload(99, 200), at(0)).await.expect("an answer"));
    assert!(Uploads::keep(store, acme, &upload(100, 200), at(100)).await.expect("an answer"), "the old ones make room");
    assert_eq!(store.uploaded(acme, Uuid::from_u128(1), at(0)).await.expect("an answer"), None, "they are gone");
}
