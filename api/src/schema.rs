//! The schema: its three root types, the limits of one request, and its printed form.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use async_graphql::parser::types::{OperationType, TypeKind, TypeSystemDefinition};
use async_graphql::{ObjectType, SDLExportOptions, Schema, SchemaBuilder, SubscriptionType};
use engine::engine::Engine;

use crate::document::DOCUMENT_LIMITS;
use crate::guard::Guard;
use crate::mutation::Mutation;
use crate::options::Options;
use crate::query::Query;
use crate::subscription::Subscription;

/// The schema of Ropewalk.
pub(crate) type ApiSchema = Schema<Query, Mutation, Subscription>;

/// The limit of the cost of a document: 1 for each field, times the size of its page; more for large values and for
/// fields that read the store (see `objects::page`).
const COMPLEXITY: usize = 100_000;

/// The schema, answered by this engine.
pub(crate) fn build(engine: Engine, options: &Options) -> ApiSchema {
    let builder = Schema::build(Query, Mutation, Subscription).data(engine).data(options.clone());
    bounded(builder, options.introspection).finish()
}

/// Adds the limits that need to know the types, for any root types.
pub(crate) fn bounded<Q, M, S>(builder: SchemaBuilder<Q, M, S>, introspection: bool) -> SchemaBuilder<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    builder
        .limit_depth(DOCUMENT_LIMITS.schema_depth)
        .limit_recursive_depth(DOCUMENT_LIMITS.schema_depth)
        .limit_complexity(COMPLEXITY)
        .limit_directives(5)
        .extension(Guard { introspection, has_root_field, documents: Arc::default() })
}

/// The schema in SDL, as in `schema.graphql`.
pub fn sdl() -> String {
    let options = SDLExportOptions::new().include_specified_by().use_space_ident().indent_width(2);
    Schema::build(Query, Mutation, Subscription).finish().sdl_with_options(options)
}

/// Every root field of the schema.
pub(crate) static ROOT_FIELDS: LazyLock<HashSet<(OperationKey, String)>> = LazyLock::new(|| {
    let document = async_graphql::parser::parse_schema(sdl()).expect("the printed schema can be read");
    let types = document.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(definition.node),
        _ => None,
    });
    types.flat_map(|definition| fields_of_root(definition.name.node.as_str(), definition.kind)).collect()
});

/// `Query`, `Mutation` or `Subscription`.
pub(crate) type OperationKey = &'static str;

fn fields_of_root(name: &str, kind: TypeKind) -> Vec<(OperationKey, String)> {
    let root = ["Query", "Mutation", "Subscription"].into_iter().find(|root| *root == name);
    match (root, kind) {
        (Some(root), TypeKind::Object(object)) => {
            object.fields.into_iter().map(|field| (root, field.node.name.node.to_string())).collect()
        }
        _ => Vec::new(),
    }
}

/// The name of the root type of an operation.
pub(crate) fn root_of(operation: OperationType) -> OperationKey {
    match operation {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

/// Whether the schema has this root field.
pub(crate) fn has_root_field(operation: OperationType, field: &str) -> bool {
    ROOT_FIELDS.contains(&(root_of(operation), field.to_owned()))
}
