//! The guard that every document passes, over HTTP or a socket: the limits of documents, then the rights, and only then
//! validation and execution. It also gives every error a code.
//!
//! It is an extension of the schema, so that no endpoint can bypass it.

use std::any::TypeId;
use std::collections::HashSet;
use std::sync::Arc;

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextPrepareRequest, NextRequest, NextResolve, NextSubscribe,
    ResolveInfo,
};
use async_graphql::parser::types::{ExecutableDocument, Field, OperationType, Selection, SelectionSet};
use async_graphql::{Name, Request, Response, ServerResult, Value};
use engine::engine::Engine;
use engine::model::organization::Access;
use engine::model::record::size_of_text;
use engine::model::rights::Operation;
use engine::services::audit::Subject;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use crate::budget::AnswerBudget;
use crate::document::ParsedDocuments;
use crate::error::{ApiError, Code, with_codes};
use crate::mutation::{Given, subject_of};

/// The guard.
#[derive(Clone)]
pub(crate) struct Guard {
    /// Whether introspection is allowed.
    pub(crate) introspection: bool,
    /// Whether the schema has a root field.
    pub(crate) has_root_field: fn(OperationType, &str) -> bool,
    /// Shared by all requests.
    pub(crate) documents: Arc<ParsedDocuments>,
}

/// Marks a request that may only subscribe, because it came over a socket.
pub(crate) struct SubscriptionsOnly;

impl ExtensionFactory for Guard {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(self.clone())
    }
}

#[async_trait]
impl Extension for Guard {
    async fn prepare_request(
        &self,
        context: &ExtensionContext<'_>,
        mut request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        let document = self.documents.read(&request.query)?;
        if let Err(refused) = self.permit(access(&request), &document) {
            if let (Some(access), Some((operation, field)), Some(engine)) =
                (access(&request), refused.mutation, context.data_opt::<Engine>())
            {
                let definitions: Vec<_> =
                    document.operations.iter().flat_map(|(_, one)| one.node.variable_definitions.clone()).collect();
                let given = Given { variables: &request.variables, definitions: &definitions };
                let (target, global) = subject_of(operation, &field, given);
                let subject = Subject { operation, target: &target, global };
                engine.audit().record_refusal(access, subject, &refused.error.message).await;
            }
            return Err(refused.error.into_server_error());
        }
        if request.data.contains_key(&TypeId::of::<SubscriptionsOnly>()) {
            check_subscription(&request, &document).map_err(ApiError::into_server_error)?;
        }
        request.set_parsed_query(document);
        next.run(context, request).await
    }

    async fn resolve(
        &self,
        context: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let may_be_large = matches!(info.return_type.trim_matches(['[', ']', '!']), "JSON" | "String" | "ID");
        let found = next.run(context, info).await?;
        if may_be_large && let (Some(value), Some(budget)) = (&found, context.data_opt::<Arc<AnswerBudget>>()) {
            budget.write(size_of_text(value)).map_err(ApiError::into_server_error)?;
        }
        Ok(found)
    }

    async fn request(&self, context: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        with_codes(next.run(context).await)
    }

    fn subscribe<'s>(
        &self,
        context: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        next.run(context, stream).map(with_codes).boxed()
    }
}

fn access(request: &Request) -> Option<&Access> {
    request.data.get(&TypeId::of::<Access>())?.downcast_ref()
}

/// Why a document is refused.
struct Refused {
    error: ApiError,
    /// The mutation that the caller may not make, for the audit log.
    mutation: Option<(Operation, Box<Field>)>,
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self { error, mutation: None }
    }
}

impl Guard {
    /// Checks every root field of every operation against the table of rights, no matter which operation runs or what
    /// `@skip` says. If one is refused, nothing runs.
    fn permit(&self, access: Option<&Access>, document: &ExecutableDocument) -> Result<(), Refused> {
        let unknown = || ApiError::new(Code::Unauthenticated, "The request has no API token.");
        let access = access.ok_or_else(unknown)?;
        for (_, operation) in document.operations.iter() {
            for field in root_fields(document, &operation.node.selection_set.node) {
                self.check(access, operation.node.ty, field)?;
            }
        }
        Ok(())
    }

    fn check(&self, access: &Access, kind: OperationType, field: &Field) -> Result<(), Refused> {
        let name = field.name.node.as_str();
        match name {
            "__schema" | "__type" if !self.introspection => {
                Err(ApiError::new(Code::Forbidden, "Introspection is switched off on this server.").into())
            }
            // The fields of GraphQL itself reveal nothing about an organization.
            "__schema" | "__type" | "__typename" => Ok(()),
            // Validation refuses an unknown field and suggests the nearest name. A field of the schema that is missing
            // in the table of rights is refused for all roles.
            _ if !(self.has_root_field)(kind, name) => Ok(()),
            _ => match Operation::from_word(name) {
                Some(operation) => access.require(operation).map_err(|refusal| Refused {
                    error: refusal.into(),
                    mutation: (kind == OperationType::Mutation).then(|| (operation, Box::new(field.clone()))),
                }),
                None => Err(ApiError::new(Code::Forbidden, format!("`{name}` is not available to any role.")).into()),
            },
        }
    }
}

/// Checks that the operation to run is a subscription with one field.
fn check_subscription(request: &Request, document: &ExecutableDocument) -> Result<(), ApiError> {
    let named = request.operation_name.as_deref();
    let runs = |name: Option<&Name>| document.operations.iter().len() == 1 || name.map(Name::as_str) == named;
    for (_, operation) in document.operations.iter().filter(|(name, _)| runs(*name)) {
        if operation.node.ty != OperationType::Subscription {
            return Err(ApiError::bad("A WebSocket accepts only subscriptions; send queries and mutations by POST."));
        }
        if root_fields(document, &operation.node.selection_set.node).len() > 1 {
            return Err(ApiError::bad("A subscription must have exactly one field; begin one subscription for each."));
        }
    }
    Ok(())
}

fn root_fields<'a>(document: &'a ExecutableDocument, set: &'a SelectionSet) -> Vec<&'a Field> {
    let (mut fields, mut seen, mut sets) = (Vec::new(), HashSet::new(), vec![set]);
    while let Some(set) = sets.pop() {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => fields.push(&field.node),
                Selection::InlineFragment(fragment) => sets.push(&fragment.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let fragment = document.fragments.get(name).filter(|_| seen.insert(name));
                    sets.extend(fragment.map(|fragment| &fragment.node.selection_set.node));
                }
            }
        }
    }
    fields
}
