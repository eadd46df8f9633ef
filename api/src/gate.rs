//! The one gate that every document passes, by whatever way it came: the walls, then
//! the rights, and only then validation and execution. On the way back it sees that
//! each error carries a code.
//!
//! It is an extension of the schema, so that no way in can go around it.

use std::any::TypeId;
use std::collections::HashSet;
use std::sync::Arc;

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextPrepareRequest, NextRequest, NextResolve, NextSubscribe,
    ResolveInfo,
};
use async_graphql::parser::types::{ExecutableDocument, OperationType, Selection, SelectionSet};
use async_graphql::{Name, Request, Response, ServerResult, Value};
use engine::model::organization::Access;
use engine::model::record::size_of_text;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use crate::budget::AnswerBudget;
use crate::document::{self, WALLS};
use crate::refusal::{Code, Refusal, with_codes};
use crate::{rights, schema};

/// The gate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gate {
    /// Whether the schema may be asked for.
    pub(crate) introspection: bool,
}

/// Data of a request that may only subscribe: it came over a socket.
pub(crate) struct SubscriptionsOnly;

impl ExtensionFactory for Gate {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(*self)
    }
}

#[async_trait]
impl Extension for Gate {
    async fn prepare_request(
        &self,
        context: &ExtensionContext<'_>,
        mut request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        let document = document::read(&request.query, &WALLS)?;
        self.permit(access(&request), &document).map_err(Refusal::into_server_error)?;
        if request.data.contains_key(&TypeId::of::<SubscriptionsOnly>()) {
            subscribes(&request, &document).map_err(Refusal::into_server_error)?;
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
            budget.write(size_of_text(value)).map_err(Refusal::into_server_error)?;
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

impl Gate {
    /// Checks every root field of every operation against the table, whichever of them
    /// will run, and whatever `@skip` says: refused means that nothing runs.
    fn permit(self, access: Option<&Access>, document: &ExecutableDocument) -> Result<(), Refusal> {
        let unknown = || Refusal::new(Code::Unauthenticated, "Say who you are: send an API token.");
        let access = access.ok_or_else(unknown)?;
        for (_, operation) in document.operations.iter() {
            for field in root_fields(document, &operation.node.selection_set.node) {
                self.check(access, operation.node.ty, field)?;
            }
        }
        Ok(())
    }

    fn check(self, access: &Access, operation: OperationType, field: &str) -> Result<(), Refusal> {
        match field {
            "__schema" | "__type" if !self.introspection => {
                Err(Refusal::new(Code::Forbidden, "Introspection is switched off on this server."))
            }
            // What the language itself knows tells nothing of any organization.
            "__schema" | "__type" | "__typename" => Ok(()),
            // A field that is not in the schema either is left to validation, which knows the
            // nearest name; a field of the schema without a row is open to nobody.
            _ if rights::of(operation, field).is_none() && !schema::has_root_field(operation, field) => Ok(()),
            _ => rights::check(access, operation, field),
        }
    }
}

/// Checks that the operation which would run is a subscription with one field, or that none would run.
fn subscribes(request: &Request, document: &ExecutableDocument) -> Result<(), Refusal> {
    let named = request.operation_name.as_deref();
    let runs = |name: Option<&Name>| document.operations.iter().len() == 1 || name.map(Name::as_str) == named;
    for (_, operation) in document.operations.iter().filter(|(name, _)| runs(*name)) {
        if operation.node.ty != OperationType::Subscription {
            return Err(Refusal::bad("A socket takes subscriptions only; send queries and mutations by POST."));
        }
        if root_fields(document, &operation.node.selection_set.node).len() > 1 {
            return Err(Refusal::bad("A subscription must have exactly one field; begin one subscription for each."));
        }
    }
    Ok(())
}

fn root_fields<'a>(document: &'a ExecutableDocument, set: &'a SelectionSet) -> Vec<&'a str> {
    let (mut fields, mut seen, mut sets) = (Vec::new(), HashSet::new(), vec![set]);
    while let Some(set) = sets.pop() {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => fields.push(field.node.name.node.as_str()),
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
