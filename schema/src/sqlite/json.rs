//! SQL expressions over JSON texts, in the dialect of SQLite.

use sea_orm::sea_query::extension::sqlite::SqliteExpr;
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, Func};

/// The JSON text at the first of these paths that exists in a column, or an empty text if none does. A path is a list
/// of nested names without quotes, backslashes and control characters. It is never null, so a comparison with it is
/// always true or false.
pub(crate) fn text_at(column: &Expr, paths: &[Vec<&str>]) -> Expr {
    let found = paths.iter().map(|path| column.clone().get_json_field(json_path(path)));
    Func::coalesce(found.chain([Expr::val("")])).into()
}

/// The number of a JSON text, rounded to a double; null if the text is not a number.
pub(crate) fn number_of(text: &Expr) -> Expr {
    CaseStatement::new().case(text.clone().glob("[-0-9]*"), text.clone().cast_as("REAL")).into()
}

/// Whether a JSON text is a string.
pub(crate) fn is_text(text: &Expr) -> Expr {
    text.clone().glob("\"*")
}

fn json_path(path: &[&str]) -> String {
    path.iter().fold("$".to_owned(), |path, name| format!("{path}.\"{name}\""))
}
