//! The printed schema is kept in the tree, so that a change of the API is seen in review.

use crate::sdl;

#[test]
fn the_kept_schema_is_the_schema() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");
    if std::env::var_os("UPDATE_SDL").is_some() {
        std::fs::write(path, sdl()).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == sdl(),
        "api/schema.graphql is not the schema any more; look at the change and run with UPDATE_SDL=1"
    );
}

#[test]
fn everything_in_the_schema_is_described() {
    let sdl = sdl();
    let mut described = true;
    for line in sdl.lines().map(str::trim) {
        let bare = line.is_empty()
            || line.starts_with(['}', ')', '#'])
            || line.starts_with("schema ")
            || ROOTS.contains(&line);
        // Directives of the language itself, and the types that async-graphql writes for pages.
        let foreign = line.starts_with("directive ") || line.starts_with("extend ");
        match line {
            _ if line.ends_with("\"\"\"") => described = true,
            _ if bare || foreign || !described && WITHOUT.iter().any(|known| line.starts_with(known)) => {}
            _ if is_declaration(line) => {
                assert!(described, "without a description: {line}");
                described = false;
            }
            _ => {}
        }
    }
}

const ROOTS: [&str; 3] = ["query: Query", "mutation: Mutation", "subscription: Subscription"];
const WITHOUT: [&str; 21] = [
    "type AuditEntryConnection",
    "type AuditEntryEdge",
    "type OrganizationConnection",
    "type OrganizationEdge",
    "type TokenConnection",
    "type TokenEdge",
    "type ScheduleConnection",
    "type ScheduleEdge",
    "type FilterTemplateConnection",
    "type KeptRecordConnection",
    "type RejectedRecordConnection",
    "type KeptRecordEdge",
    "type RejectedRecordEdge",
    "type JobConnection",
    "type JobResultConnection",
    "type CollectionConnection",
    "type RecordConnection",
    "type JobEdge",
    "type JobResultEdge",
    "type CollectionEdge",
    "type RecordEdge",
];

fn is_declaration(line: &str) -> bool {
    let kinds = ["type ", "enum ", "input ", "scalar ", "interface "];
    let name = line.split([':', '(']).next().unwrap_or_default();
    let field = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    kinds.iter().any(|kind| line.starts_with(kind)) || field && (line.contains(':') || line.contains('('))
}
