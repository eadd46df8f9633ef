//! The table of rights is the schema's: a root field without a row, or a row without a
//! root field, fails here; and the table is what the guard really does.

use std::collections::HashSet;

use async_graphql::parser::types::OperationType;
use engine::model::organization::Role;
use engine::model::rights::{Operation, Right};
use serde_json::json;

use super::world::{World, code};
use crate::schema::{ROOT_FIELDS, has_root_field};

#[test]
fn every_root_field_has_one_row_and_every_row_a_root_field() {
    let rows: HashSet<_> = Operation::ALL.iter().map(|operation| operation.word()).collect();
    assert_eq!(rows.len(), Operation::ALL.len(), "a field stands in the table twice");
    let fields: HashSet<_> = ROOT_FIELDS.iter().map(|(_, field)| field.as_str()).collect();
    assert_eq!(fields.len(), ROOT_FIELDS.len(), "two roots have a field with the same name");
    assert_eq!(rows, fields);
}

#[test]
fn everything_that_changes_something_needs_more_than_reading() {
    let secret = [
        Operation::PreviewFilter,
        Operation::ValidateJob,
        Operation::ListOrganizations,
        Operation::ListTokens,
        Operation::ReadAuditLog,
    ];
    for operation in Operation::ALL {
        let reads = operation.right() == Right::Role(Role::Viewer);
        let is_mutation = has_root_field(OperationType::Mutation, operation.word());
        let harmless = !is_mutation && !secret.contains(operation);
        assert_eq!(reads, harmless, "{operation:?}");
    }
}

/// Each mutation with something that would be accepted as far as its shape goes.
pub(super) const CALLS: [(&str, &str); 30] = [
    ("saveFilterTemplate", "saveFilterTemplate(input: {document: {}}) { userErrors { code } }"),
    ("deleteFilterTemplate", "deleteFilterTemplate(input: {key: \"k\"}) { userErrors { code } }"),
    ("saveJob", "saveJob(input: {document: {}}) { userErrors { code } }"),
    ("updateJob", "updateJob(input: {key: \"j\", changes: {}}) { userErrors { code } }"),
    ("setJobActive", "setJobActive(input: {key: \"j\", active: false}) { userErrors { code } }"),
    ("deleteJob", "deleteJob(input: {key: \"j\"}) { userErrors { code } }"),
    ("runJob", "runJob(input: {job: \"j\"}) { userErrors { code } }"),
    ("runJobs", "runJobs(input: {starts: [{job: \"j\"}]}) { userErrors { code } }"),
    ("retryJobResult", "retryJobResult(input: {jobResult: \"x\"}) { userErrors { code } }"),
    ("saveSchedule", "saveSchedule(input: {job: \"j\", schedule: {}}) { userErrors { code } }"),
    ("deleteSchedule", "deleteSchedule(input: {job: \"j\", key: \"k\"}) { userErrors { code } }"),
    ("saveQueue", "saveQueue(input: {key: \"k\"}) { userErrors { code } }"),
    ("deleteQueue", "deleteQueue(input: {key: \"k\"}) { userErrors { code } }"),
    ("killJobResult", "killJobResult(input: {id: \"x\"}) { userErrors { code } }"),
    ("killJobResults", "killJobResults(input: {job: \"x\"}) { userErrors { code } }"),
    ("setQuotas", "setQuotas(input: {}) { userErrors { code } }"),
    ("createWebhook", "createWebhook(input: {job: \"j\", key: \"k\"}) { userErrors { code } }"),
    ("deleteWebhook", "deleteWebhook(input: {job: \"j\", key: \"k\"}) { userErrors { code } }"),
    ("writeRecords", "writeRecords(input: {collection: \"c\", changes: []}) { userErrors { code } }"),
    ("deleteRecords", "deleteRecords(input: {collection: \"c\", keys: []}) { userErrors { code } }"),
    ("deleteCollection", "deleteCollection(input: {collection: \"c\"}) { userErrors { code } }"),
    ("createOrganization", "createOrganization(input: {key: \"k\", name: \"K\"}) { userErrors { code } }"),
    ("dryRunJob", "dryRunJob(input: {job: \"j\"}) { userErrors { code } }"),
    ("installModule", "installModule(input: {upload: \"x\"}) { userErrors { code } }"),
    ("grantModule", "grantModule(input: {module: \"m\"}) { userErrors { code } }"),
    ("upgradeModule", "upgradeModule(input: {module: \"m\"}) { userErrors { code } }"),
    ("removeModule", "removeModule(input: {module: \"m\", version: \"1.0.0\"}) { userErrors { code } }"),
    ("updateOrganization", "updateOrganization(input: {key: \"k\", active: true}) { userErrors { code } }"),
    ("revokeToken", "revokeToken(input: {id: \"x\"}) { userErrors { code } }"),
    ("createToken", "createToken(input: {name: \"t\", role: VIEWER}) { userErrors { code } }"),
];

#[tokio::test]
async fn each_role_may_do_what_the_table_says_and_nothing_else() {
    let world = World::new().await;
    for role in Role::ALL {
        let caller = world.caller(role).await;
        for (field, call) in CALLS {
            let allowed = Operation::from_word(field).unwrap().right().is_held_by(&caller);
            let answer = world.ask(&caller, &format!("mutation {{ {call} }}"), json!({})).await;
            let refused = code(&answer) == "FORBIDDEN";
            assert_eq!(refused, !allowed, "{role} {field}: {:?}", answer.errors);
        }
    }
    let mutations = ROOT_FIELDS.iter().filter(|(root, _)| *root == "Mutation");
    assert_eq!(mutations.count(), CALLS.len(), "a mutation is not tried here");
}

#[tokio::test]
async fn no_disguise_gets_past_the_guard() {
    let world = World::new().await;
    let viewer = world.caller(Role::Viewer).await;
    let disguises = [
        "mutation { viewer: saveJob(input: {document: {}}) { userErrors { code } } }",
        "mutation { ... { saveJob(input: {document: {}}) { userErrors { code } } } }",
        "mutation { ...F } fragment F on Mutation { saveJob(input: {document: {}}) { userErrors { code } } }",
        "mutation { saveJob(input: {document: {}}) @skip(if: false) { userErrors { code } } }",
        "mutation { killJobResult(input: {id: \"x\"}) { userErrors { code } } createToken(input: {name: \"t\", server: true}) { token } }",
    ];
    for document in disguises {
        assert_eq!(code(&world.ask(&viewer, document, json!({})).await), "FORBIDDEN", "{document}");
    }
}

#[tokio::test]
async fn only_a_server_administrator_makes_a_token_for_the_server() {
    let world = World::new().await;
    let document = "mutation { createToken(input: {name: \"t\", server: true}) { token userErrors { message } } }";
    let admin = world.caller(Role::Admin).await;
    assert_eq!(code(&world.ask(&admin, document, json!({})).await), "FORBIDDEN");
    let made = world.data(document, json!({})).await;
    assert!(made["createToken"]["token"].as_str().unwrap().starts_with("rw_"));
}

#[tokio::test]
async fn without_a_caller_nothing_is_answered() {
    let world = World::new().await;
    for document in ["{ serverInfo { version } }", "{ __typename }", "{ __schema { types { name } } }"] {
        assert_eq!(code(&world.state.schema.execute(document).await), "UNAUTHENTICATED");
    }
}
