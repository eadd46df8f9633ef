//! How SQLite looks into JSON texts: all that another database would say in other words.

use sea_orm::sea_query::extension::sqlite::SqliteExpr;
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, Func};

/// The JSON text of what is found first at one of these paths in a column, and an empty
/// text where there is nothing at any of them. A path is names of fields inside each other,
/// without quotes, backslashes and control characters. Never null, so that what is asked of
/// it is either true or false.
pub(crate) fn text_at(column: &Expr, paths: &[Vec<&str>]) -> Expr {
    let found = paths.iter().map(|path| column.clone().get_json_field(written(path)));
    Func::coalesce(found.chain([Expr::val("")])).into()
}

/// The number that a JSON text is, rounded to a double; null if it is none.
pub(crate) fn number_of(text: &Expr) -> Expr {
    CaseStatement::new().case(text.clone().glob("[-0-9]*"), text.clone().cast_as("REAL")).into()
}

/// Whether a JSON text is that of a text.
pub(crate) fn is_text(text: &Expr) -> Expr {
    text.clone().glob("\"*")
}

fn written(path: &[&str]) -> String {
    path.iter().fold("$".to_owned(), |written, name| format!("{written}.\"{name}\""))
}
