//! Filter templates and their versions.

use serde_json::{Value, json};

use super::Stores;
use super::samples::{at, claim_one, delicate, finish, neighbours, new_version, scope, start};
use engine::model::module::Owner;
use engine::model::organization::OrgScope;
use engine::model::status::Status;
use engine::ports::jobs::Jobs;
use engine::ports::templates::{NewTemplate, RemoveTemplateError, SaveTemplateError, SavedTemplate};

fn template(key: &str, document: Value, edits: Option<u32>) -> NewTemplate {
    NewTemplate {
        key: key.to_owned(),
        name: format!("The template {key}"),
        owner: Owner::Organization,
        document,
        edits,
        saved_at: at(1),
        saved_by: "ana".to_owned(),
    }
}

fn global(key: &str) -> NewTemplate {
    NewTemplate { owner: Owner::Global, ..template(key, json!({"of": "all"}), None) }
}

async fn save(store: &impl Stores, scope: OrgScope, key: &str, document: Value) -> SavedTemplate {
    store.save_template(scope, template(key, document, None)).await.expect("a version")
}

async fn find(store: &impl Stores, scope: OrgScope, key: &str, version: Option<u32>) -> Option<SavedTemplate> {
    store.find_template(scope, key, version).await.expect("an answer")
}

async fn keys(store: &impl Stores, scope: OrgScope, after: Option<&str>, limit: u32) -> (Vec<String>, bool) {
    let listed = store.list_templates(scope, after, limit).await.expect("a page");
    (listed.items.into_iter().map(|saved| saved.named.key).collect(), listed.more)
}

/// Saves a job with a line that uses each of these templates.
async fn save_job(store: &impl Stores, scope: OrgScope, key: &str, templates: &[&str]) {
    let lines: Vec<_> = templates.iter().map(|template| json!({"filter": {"template": template}})).collect();
    Jobs::save(store, scope, new_version(key, json!({"lines": lines}), None)).await.expect("a version");
}

async fn users(store: &impl Stores, scope: OrgScope, owner: Owner, key: &str) -> Vec<String> {
    let users = store.users_of_template(scope, owner, key).await.expect("users");
    users.iter().map(ToString::to_string).collect()
}

pub async fn each_save_of_a_template_makes_the_next_version(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let first = save(store, acme, "a", delicate()).await;
    assert_eq!((first.named.version, first.owner), (1, Owner::Organization));
    assert_eq!(save(store, acme, "a", delicate()).await, first, "saving the same makes no version");
    let second = save(store, acme, "a", json!({"n": 2})).await;
    assert_eq!(second.named.version, 2);
    assert_eq!(find(store, acme, "a", None).await, Some(second.clone()));
    let found = find(store, acme, "a", Some(1)).await.expect("the first");
    assert_eq!(found.document.to_string(), delicate().to_string(), "the order of members is kept");
    assert_eq!(found, first);
    assert_eq!(find(store, acme, "a", Some(2)).await, Some(second));
    assert_eq!(find(store, acme, "a", Some(3)).await, None);
    assert_eq!(find(store, acme, "b", None).await, None);
}

pub async fn an_edit_of_an_old_template_is_refused_with_the_newest(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let absent = store.save_template(acme, template("a", json!({}), Some(1))).await;
    assert!(matches!(absent, Err(SaveTemplateError::Absent)), "{absent:?}");
    save(store, acme, "a", json!({"n": 1})).await;
    let newest = save(store, acme, "a", json!({"n": 2})).await;
    for old in [0, 1, 3] {
        let refused = store.save_template(acme, template("a", json!({"n": 9}), Some(old))).await;
        let Err(SaveTemplateError::Conflict { edited, newest: told }) = refused else { panic!("{refused:?}") };
        assert_eq!((edited, *told), (old, newest.clone()));
    }
    let third = store.save_template(acme, template("a", json!({"n": 3}), Some(2))).await.expect("a version");
    assert_eq!(third.named.version, 3);
}

pub async fn a_template_is_seen_by_those_who_have_it(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    save(store, acme, "a", json!({"of": "acme"})).await;
    let all = store.save_template(acme, global("all")).await.expect("a version");
    assert_eq!(find(store, globex, "a", None).await, None);
    assert_eq!(find(store, globex, "a", Some(1)).await, None);
    assert_eq!(find(store, globex, "all", None).await, Some(all.clone()));
    assert_eq!(find(store, globex, "all", Some(1)).await, Some(all));
    save(store, globex, "a", json!({"of": "globex"})).await;
    assert_eq!(find(store, globex, "a", None).await.map(|saved| saved.document), Some(json!({"of": "globex"})));
    assert_eq!(find(store, acme, "a", Some(1)).await.map(|saved| saved.document), Some(json!({"of": "acme"})));
    assert_eq!(store.count_templates(globex).await.expect("a count"), 2);
}

pub async fn a_key_of_a_template_is_global_or_of_organizations(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    save(store, acme, "a", json!({})).await;
    let refused = store.save_template(globex, global("a")).await;
    assert!(matches!(refused, Err(SaveTemplateError::KeyTaken(key)) if key == "a"));
    store.save_template(acme, global("all")).await.expect("a version");
    let refused = store.save_template(globex, template("all", json!({}), None)).await;
    assert!(matches!(refused, Err(SaveTemplateError::KeyTaken(key)) if key == "all"));
}

pub async fn templates_are_listed_by_key_in_pages(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    for key in ["c", "a-b", "a", "b"] {
        save(store, acme, key, json!({"key": key})).await;
    }
    save(store, acme, "c", json!({"newer": true})).await;
    store.save_template(globex, global("ab")).await.expect("a version");
    save(store, globex, "aa", json!({})).await;
    assert_eq!(keys(store, acme, None, 3).await, (vec!["a".to_owned(), "a-b".to_owned(), "ab".to_owned()], true));
    assert_eq!(keys(store, acme, Some("ab"), 2).await, (vec!["b".to_owned(), "c".to_owned()], false));
    assert_eq!(keys(store, globex, None, 9).await, (vec!["aa".to_owned(), "ab".to_owned()], false));
    let last = store.list_templates(acme, Some("b"), 5).await.expect("a page");
    assert_eq!(last.items[0].named.version, 2, "the newest version is listed");
    assert_eq!(store.count_templates(acme).await.expect("a count"), 5);
}

pub async fn a_template_that_jobs_use_is_not_removed(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    save(store, acme, "a", json!({})).await;
    save(store, globex, "a", json!({})).await;
    save_job(store, acme, "job", &["a", "b", "a"]).await;
    save_job(store, globex, "other", &["b"]).await;
    assert_eq!(users(store, acme, Owner::Organization, "a").await, ["job (version 1)"]);
    assert!(users(store, globex, Owner::Organization, "a").await.is_empty());
    let refused = store.remove_template(acme, Owner::Organization, "a").await;
    assert!(matches!(refused, Err(RemoveTemplateError::InUse(told)) if told.len() == 1));
    // The next version does not use it, but a result of the old one is still running.
    store.start(acme, start(1, "job")).await.expect("a start");
    save_job(store, acme, "job", &["b"]).await;
    assert_eq!(users(store, acme, Owner::Organization, "a").await, ["job (version 1)"]);
    let claimed = claim_one(store).await;
    store.finish(claimed.lease, finish(Status::Success)).await.expect("an end");
    store.remove_template(acme, Owner::Organization, "a").await.expect("a removal");
    assert_eq!(find(store, acme, "a", None).await, None);
    assert!(find(store, globex, "a", None).await.is_some(), "the neighbours' stays");
}

pub async fn a_global_template_is_used_by_any_organization(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    store.save_template(acme, global("all")).await.expect("a version");
    save_job(store, globex, "job", &["all"]).await;
    let users = store.users_of_template(acme, Owner::Global, "all").await.expect("users");
    assert_eq!(users.iter().map(|user| user.organization).collect::<Vec<_>>(), [globex.organization()]);
    let refused = store.remove_template(acme, Owner::Global, "all").await;
    assert!(matches!(refused, Err(RemoveTemplateError::InUse(_))));
    let absent = store.remove_template(globex, Owner::Organization, "all").await;
    assert!(matches!(absent, Err(RemoveTemplateError::Absent)), "it is not the organization's own");
}

pub async fn a_template_goes_with_all_its_versions(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    save(store, acme, "a", json!({"n": 1})).await;
    save(store, acme, "a", json!({"n": 2})).await;
    store.remove_template(acme, Owner::Organization, "a").await.expect("a removal");
    assert_eq!(find(store, acme, "a", Some(1)).await, None);
    assert!(matches!(store.remove_template(acme, Owner::Organization, "a").await, Err(RemoveTemplateError::Absent)));
    assert_eq!(save(store, acme, "a", json!({"n": 3})).await.named.version, 1);
    store.save_template(acme, global("all")).await.expect("a version");
    store.remove_template(acme, Owner::Global, "all").await.expect("a removal");
    assert_eq!(keys(store, acme, None, 9).await, (vec!["a".to_owned()], false));
}
