//! Documents that were written to hurt. Each is refused, and quickly.

use std::fmt::Write;
use std::time::{Duration, Instant};

use async_graphql::{EmptySubscription, Object, Request, Schema};
use engine::model::organization::Role;
use serde_json::json;

use super::world::{World, code};
use crate::schema::bounded;

/// More than any of them takes, less than any of them took before there were walls.
const QUICK: Duration = Duration::from_millis(300);

async fn refused(document: &str) -> String {
    let world = World::new().await;
    let caller = world.caller(Role::Viewer).await;
    let began = Instant::now();
    let answer = world.ask(&caller, document, json!({})).await;
    let took = began.elapsed();
    assert!(took < QUICK, "took {took:?}: {}", &document[..document.len().min(80)]);
    code(&answer)
}

fn doubling(fragments: usize) -> String {
    let mut document = "{ ...F0 }".to_owned();
    for number in 0..fragments {
        let next = number + 1;
        write!(document, " fragment F{number} on Query {{ ...F{next} ...F{next} }}").unwrap();
    }
    write!(document, " fragment F{fragments} on Query {{ __typename }}").unwrap();
    document
}

#[tokio::test]
async fn fragments_that_double_each_other() {
    for fragments in [17, 22, 24, 40] {
        assert_eq!(refused(&doubling(fragments)).await, "TOO_COMPLEX");
    }
}

#[tokio::test]
async fn fragments_that_spread_themselves() {
    assert_eq!(
        refused("{ ...A } fragment A on Query { ...B ...B } fragment B on Query { ...A ...A }").await,
        "BAD_REQUEST"
    );
    assert_eq!(refused("{ __typename } fragment A on Query { ...A }").await, "BAD_REQUEST");
}

#[tokio::test]
async fn two_thousand_aliases() {
    let aliases: String = (0..2_000).map(|number| format!("a{number}: serverInfo {{ version }} ")).collect();
    assert_eq!(refused(&format!("{{ {aliases} }}")).await, "TOO_COMPLEX");
}

#[tokio::test]
async fn thousands_of_fields_directives_and_operations() {
    assert_eq!(refused(&format!("{{ {} }}", "__typename ".repeat(5_000))).await, "TOO_COMPLEX");
    assert_eq!(refused(&format!("{{ __typename {} }}", "@skip(if: false) ".repeat(500))).await, "TOO_COMPLEX");
    let operations: String = (0..500).map(|number| format!("query Q{number} {{ __typename }} ")).collect();
    assert_eq!(refused(&operations).await, "TOO_COMPLEX");
}

#[tokio::test]
async fn brackets_without_end() {
    for open in ["{ a ", "[", "{a:", "("] {
        let document = format!("{{ a(b: {}", open.repeat(100_000));
        assert_eq!(refused(&document).await, "TOO_COMPLEX", "{open}");
    }
    let list = format!("{{ action(name: {}1{}) {{ name }} }}", "[".repeat(60), "]".repeat(60));
    assert_eq!(refused(&list).await, "BAD_REQUEST");
    let object = format!("{{ action(name: {}1{}) {{ name }} }}", "{a:".repeat(60), "}".repeat(60));
    assert_eq!(refused(&object).await, "BAD_REQUEST");
    let kind = format!("query ($a: {}Int{}) {{ __typename }}", "[".repeat(60), "]".repeat(60));
    assert_eq!(refused(&kind).await, "BAD_REQUEST");
}

#[tokio::test]
async fn a_document_of_a_megabyte() {
    assert_eq!(refused(&format!("{{ action(name: \"{}\") {{ name }} }}", "x".repeat(1 << 20))).await, "TOO_LARGE");
    assert_eq!(refused(&"#".repeat(1 << 20)).await, "TOO_LARGE");
}

#[tokio::test]
async fn fields_inside_each_other() {
    let nested = format!("{}__typename{}", "{ viewer ".repeat(20), "}".repeat(20));
    assert_eq!(refused(&nested).await, "TOO_COMPLEX");
}

#[tokio::test]
async fn the_schema_through_itself() {
    let nested = "fields { type { ".repeat(6) + "name" + &"} }".repeat(6);
    assert_eq!(refused(&format!("{{ __schema {{ types {{ {nested} }} }} }}")).await, "TOO_COMPLEX");
}

#[tokio::test]
async fn a_page_of_everything() {
    let all = "nodes { lines { parameters sample { records } rejected { record } log { message } } }";
    assert_eq!(refused(&format!("{{ jobResults(first: 100) {{ {all} }} }}")).await, "TOO_COMPLEX");
    let variables = format!("query ($n: Int = 100) {{ jobResults(first: $n) {{ {all} }} }}");
    assert_eq!(refused(&variables).await, "TOO_COMPLEX");
}

#[tokio::test]
async fn the_store_asked_over_and_over() {
    assert_eq!(refused(&format!("{{ {} }}", "job(key: \"a\") { key } ".repeat(60))).await, "TOO_COMPLEX");
    assert_eq!(refused(&format!("{{ {} }}", "jobs { totalCount } ".repeat(60))).await, "TOO_COMPLEX");
    assert_eq!(refused(&format!("{{ {} }}", "job(key: \"a\") { key } ".repeat(40))).await, "");
}

#[tokio::test]
async fn documents_that_lean_on_every_wall_are_still_quick() {
    let leaning = [
        format!("{{ {} }}", "viewer { who role } ".repeat(320)),
        format!("{{ {} }}", "... { ... { viewer { who } } } ".repeat(240)),
        format!("{{ validateJob(document: [{}]) {{ code }} }}", "1 ".repeat(9_900)),
        format!("{{ validateJob(document: {}1{}) {{ code }} }}", "[".repeat(60), "]".repeat(60)),
        format!("{{ validateJob(document: {}1{}) {{ code }} }}", "{a: ".repeat(60), "}".repeat(60)),
        format!(
            "{{ validateJob(document: {{{}}}) {{ code }} }}",
            (0..3_000).map(|n| format!("a{n}: 1 ")).collect::<String>()
        ),
        format!("{{ validateJob(document: \"{}\") {{ code }} }}", "x".repeat(500_000)),
        format!("query ({}) {{ __typename }}", (0..2_000).map(|n| format!("$a{n}: Int ")).collect::<String>()),
        format!("{{ action({}) {{ name }} }}", (0..3_000).map(|n| format!("a{n}: 1 ")).collect::<String>()),
        chained(48),
    ];
    for document in leaning {
        refused(&document).await;
    }
}

/// Fragments in a chain, each with twenty fields: as much as passes, if not deeper than it looks.
fn chained(fragments: usize) -> String {
    let fields = "__typename ".repeat(18);
    let link = |number: usize| format!(" fragment F{number} on Query {{ {fields} ...F{} }}", number + 1);
    let chain: String = (0..fragments).map(link).collect();
    format!("{{ ...F0 }} {chain} fragment F{fragments} on Query {{ __typename }}")
}

#[tokio::test]
async fn a_usual_page_and_the_whole_introspection_pass() {
    let usual = "{ jobResults(first: 100) { totalCount pageInfo { endCursor hasNextPage } nodes { id job version title status
        message startedBy createdAt startedAt finishedAt recordsIn recordsOut recordsRejected
        lines { lineNo name kind action status message recordsIn recordsOut recordsRejected startedAt finishedAt } } } }";
    assert_eq!(refused(usual).await, "");
    assert_eq!(
        refused(
            "{ jobResults(first: 20) { nodes { lines { parameters sample { records cut } log { level message } } } } }"
        )
        .await,
        ""
    );
    assert_eq!(refused(INTROSPECTION).await, "");
}

/// What GraphiQL and code generators send.
const INTROSPECTION: &str = "query IntrospectionQuery { __schema { description queryType { name } mutationType { name }
    subscriptionType { name } types { ...FullType } directives { name description isRepeatable locations
    args(includeDeprecated: true) { ...InputValue } } } }
    fragment FullType on __Type { kind name description specifiedByURL fields(includeDeprecated: true) { name description
    args(includeDeprecated: true) { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
    inputFields(includeDeprecated: true) { ...InputValue } interfaces { ...TypeRef }
    enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...TypeRef } }
    fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue isDeprecated deprecationReason }
    fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
    ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }";

#[tokio::test]
async fn introspection_can_be_switched_off() {
    let world = World::with(crate::Options { introspection: false, ..Default::default() }).await;
    let caller = world.caller(Role::Viewer).await;
    for document in [INTROSPECTION, "{ __type(name: \"Job\") { name } }"] {
        assert_eq!(code(&world.ask(&caller, document, json!({})).await), "FORBIDDEN");
    }
}

/// A schema in which lists can be nested, as ours cannot: the attack needs it.
struct Tree;

/// A schema in which lists can be nested, as ours cannot: the attack needs it.
#[Object]
impl Tree {
    #[graphql(complexity = "crate::objects::page::times(usize::try_from(first).unwrap_or(100), child_complexity)")]
    async fn trees(&self, first: i32) -> Vec<Self> {
        (0..first).map(|_| Self).collect()
    }

    async fn leaf(&self) -> i32 {
        1
    }
}

struct Trees;

#[Object(name = "Mutation")]
impl Trees {
    async fn nothing(&self) -> i32 {
        1
    }
}

#[tokio::test]
async fn a_list_nested_six_deep() {
    let world = World::new().await;
    let schema = bounded(Schema::build(Tree, Trees, EmptySubscription), true).finish();
    let ask = async |levels: usize| {
        let document = format!("{{ {} leaf {} }}", "trees(first: 10) {".repeat(levels), "}".repeat(levels));
        let request = Request::new(document).data(world.caller(Role::Viewer).await);
        let began = Instant::now();
        let answer = schema.execute(request).await;
        assert!(began.elapsed() < QUICK * 3, "{levels} took {:?}", began.elapsed());
        code(&answer)
    };
    assert_eq!((ask(6).await.as_str(), ask(3).await.as_str()), ("TOO_COMPLEX", ""));
}
