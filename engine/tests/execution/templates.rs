use serde_json::{Map, Value, json};

use crate::harness::{Harness, all, faults, harness, refusal, told};
use engine::model::module::Owner;
use engine::model::organization::{Access, Role};
use engine::model::refusal::RefusalCode;
use engine::model::status::Status;
use engine::model::template_version::TemplateVersion;
use engine::ports::results::ResultFilter;
use engine::services::organizations::NewOrganization;

fn over(least: i64) -> Value {
    json!({
        "key": "big",
        "values": {"properties": {"least": {"type": "integer", "default": least}}},
        "source": {"inline": [{"n": 1}, {"n": 5}, {"n": 9}]},
        "where": {"n": {"gte": "$<values.least>"}},
    })
}

fn job(filter: Value) -> Value {
    json!({"key": "job", "arguments": {"properties": {"least": {}}}, "lines": [{"filter": filter}]})
}

async fn save(world: &Harness, template: Value) -> u32 {
    let saved = world.engine.templates().save(&world.access, template, Owner::Organization, None).await.unwrap();
    saved.named.version
}

async fn neighbour(world: &Harness) -> Access {
    let new = NewOrganization { key: "other".into(), name: "Other".into(), time_zone: "UTC".into() };
    Access::of_operator(world.engine.organizations().add(new).await.unwrap(), "tester")
}

#[tokio::test]
async fn a_job_follows_the_newest_version_of_its_template() {
    let world = harness().await;
    assert_eq!(save(&world, over(5)).await, 1);
    let performed = world.perform(job(json!({"template": "big"})), json!([])).await;
    assert_eq!(all(&performed), [json!({"n": 5}), json!({"n": 9})]);
    assert_eq!(performed.lines[0].parameters["where"], json!({"n": {"gte": 5}}), "what was chosen by is kept");
    assert_eq!(save(&world, over(6)).await, 2);
    world.start(json!({}), json!([])).await.unwrap();
    assert_eq!(all(&world.step().await.unwrap()), [json!({"n": 9})]);
    let saved = world.stores.jobs.find(world.access.scope(), "job", None).await.unwrap().unwrap();
    assert_eq!(saved.version, 1, "the job itself is as it was");
    let read = world.engine.jobs().read(world.access.scope(), &saved, None).await.unwrap().unwrap();
    assert_eq!(read.templates(), [TemplateVersion { key: "big".to_owned(), version: 2 }]);
}

#[tokio::test]
async fn a_job_is_read_with_the_versions_that_a_result_noted() {
    let world = harness().await;
    save(&world, over(5)).await;
    world.save(job(json!({"template": "big"}))).await;
    save(&world, over(6)).await;
    let (jobs, scope) = (world.engine.jobs(), world.access.scope());
    let saved = jobs.find(scope, "job", None).await.unwrap().unwrap();
    for version in [1, 2] {
        let noted = [TemplateVersion { key: "big".to_owned(), version }];
        let job = jobs.read(scope, &saved, Some(&noted)).await.unwrap().unwrap();
        assert_eq!(job.templates(), noted);
    }
    let gone = [TemplateVersion { key: "big".to_owned(), version: 9 }];
    let faults = jobs.read(scope, &saved, Some(&gone)).await.unwrap().unwrap_err();
    assert!(faults[0].message.contains("there is no filter template `big`"), "{faults:?}");
}

#[tokio::test]
async fn values_are_rendered_from_arguments_and_checked() {
    let world = harness().await;
    save(&world, over(5)).await;
    world.save(job(json!({"template": "big", "values": {"least": "$<args.least>"}, "orderBy": "-n"}))).await;
    world.start(json!({"least": 2}), json!([])).await.unwrap();
    assert_eq!(all(&world.step().await.unwrap()), [json!({"n": 9}), json!({"n": 5})]);
    world.start(json!({"least": "two"}), json!([])).await.unwrap();
    let failed = world.step().await.unwrap();
    assert_eq!(failed.lines[0].status, Status::Error);
    assert_eq!(failed.lines[0].message, "lines[0].filter.values.least: \"two\" is not an integer");
}

#[tokio::test]
async fn an_edit_that_would_break_a_job_is_refused() {
    let world = harness().await;
    save(&world, over(5)).await;
    world.save(job(json!({"template": "big", "values": {"least": 2}}))).await;
    let mut other = over(5);
    other["values"]["properties"] = json!({"lowest": {"type": "integer", "default": 1}});
    other["where"] = json!({"n": {"gte": "$<values.lowest>"}});
    let told = told(world.engine.templates().save(&world.access, other, Owner::Organization, None).await);
    assert_eq!(told.len(), 1, "{told:?}");
    let expected = "job `job` would break: lines[0].filter.values.least: there is no field `least` here";
    assert!(told[0].starts_with(expected), "{told:?}");
    assert_eq!(save(&world, over(5)).await, 1, "nothing was saved");
}

#[tokio::test]
async fn a_template_in_use_is_not_removed() {
    let world = harness().await;
    save(&world, over(5)).await;
    world.save(job(json!({"template": "big"}))).await;
    let refused = refusal(world.engine.templates().remove(&world.access, "big").await);
    assert_eq!((refused.code, refused.path.as_str()), (RefusalCode::InUse, "key"));
    assert_eq!(refused.message, "The filter template big is in use by job (version 1); change these jobs first.");
    assert_eq!(refused.used_by.iter().map(ToString::to_string).collect::<Vec<_>>(), ["job (version 1)"]);
    world.save(job(json!({}))).await;
    world.engine.templates().remove(&world.access, "big").await.unwrap();
    let absent = refusal(world.engine.templates().remove(&world.access, "bigg").await);
    assert_eq!((absent.code, absent.path.as_str()), (RefusalCode::NotFound, "key"));
    let faults = faults(world.engine.jobs().save(&world.access, job(json!({"template": "big"})), None).await);
    assert_eq!(faults[0].path, "lines[0].filter.template");
}

#[tokio::test]
async fn what_is_global_is_changed_by_server_administrators_and_seen_by_all() {
    let world = harness().await;
    let (other, templates) = (neighbour(&world).await, world.engine.templates());
    let (mut own, mut operator) = (world.access.clone(), world.access.clone());
    own.server = false;
    operator.role = Role::Operator;
    let refused = refusal(templates.save(&own, over(5), Owner::Global, None).await);
    assert_eq!(refused.code, RefusalCode::Forbidden, "{refused}");
    let refused = refusal(templates.save(&operator, over(5), Owner::Organization, None).await);
    assert_eq!(refused.code, RefusalCode::Forbidden, "{refused}");
    world.engine.modules().catalogue(other.scope()).await.unwrap();
    templates.save(&world.access, over(5), Owner::Global, None).await.unwrap();
    world.engine.jobs().save(&other, job(json!({"template": "big", "values": {"least": 1}})), None).await.unwrap();
    let taken = refusal(templates.save(&world.access, over(5), Owner::Organization, None).await);
    assert_eq!((taken.code, taken.path.as_str()), (RefusalCode::Taken, "key"));
    let broken = json!({"key": "big"});
    let told = told(templates.save(&world.access, broken, Owner::Global, None).await);
    assert!(told[0].starts_with("job `other/job` would break: "), "{told:?}");
    let refused = refusal(templates.remove(&own, "big").await);
    assert_eq!(refused.code, RefusalCode::Forbidden, "{refused}");
}

#[tokio::test]
async fn a_filter_is_tried_out_and_nothing_is_kept() {
    let world = harness().await;
    save(&world, over(5)).await;
    let preview = async |filter: Value, arguments: Value| {
        let arguments: Map<_, _> = arguments.as_object().unwrap().clone();
        world.engine.templates().preview(&world.access, filter, arguments).await
    };
    let filter = json!({"template": "big", "values": {"least": "$<args.least>"}, "where": {"n": {"lt": 9}}});
    let found = preview(filter.clone(), json!({"least": 2})).await.unwrap();
    assert_eq!((found.read, found.count, &*found.sample.records), (3, 1, &vec![json!({"n": 5})]));
    assert_eq!(found.definition["where"], json!({"and": [{"n": {"gte": 2}}, {"n": {"lt": 9}}]}));
    let told = async |filter: Value| told(preview(filter, json!({})).await).remove(0);
    assert_eq!(told(filter).await, "filter.values.least: the job declares no argument `least`");
    assert!(told(json!({"where": {}})).await.starts_with("filter: has no source"));
    assert!(told(json!({"wher": {}})).await.starts_with("filter.wher: there is no field"));
    assert!(
        told(json!({"source": {"inline": []}, "script": "r => r"}))
            .await
            .starts_with("filter: a preview does not run scripts")
    );
    assert!(told(json!({"source": {"file": "nothing.csv"}})).await.contains("nothing.csv"));
    assert!(told(json!({"source": {"collection": "nothing"}})).await.contains("`nothing`"));
    let all = ResultFilter::default();
    assert_eq!(world.stores.history.count(world.access.scope(), &all).await.unwrap(), 0);
}
