//! Pages of listings: their sizes, cursors and costs.

use std::convert::Infallible;
use std::future::Future;

use async_graphql::connection::{Connection, CursorType, Edge};
use async_graphql::{Context, ObjectType, OutputType};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use engine::ports::{Listed, PAGE_BYTES};

use crate::error::ApiError;
use crate::resolver::{Result, budget};

/// How many items a page has by default.
pub(crate) const USUAL: i32 = 20;
/// How many items a page may have.
const MOST: i32 = 100;

/// Where a page begins, opaque to clients: base64url of the key of the last item before it. With a key, unlike a
/// position, no item is skipped or repeated when items are added meanwhile.
#[derive(Debug, Clone)]
pub(crate) struct Cursor(String);

impl Cursor {
    /// The cursor behind the item with this key.
    pub(crate) fn behind(key: impl std::fmt::Display) -> Self {
        Self(BASE64.encode(format!("after:{key}")))
    }
}

impl CursorType for Cursor {
    type Error = Infallible;

    fn decode_cursor(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }

    fn encode_cursor(&self) -> String {
        self.0.clone()
    }
}

/// One page of `Node`s, with the additional fields of `Extra`.
pub(crate) type Page<Node, Extra> = Connection<Cursor, Node, Extra>;

/// How many items were asked for.
pub(crate) fn size(first: i32) -> Result<u32> {
    let allowed = (1..=MOST).contains(&first).then_some(first);
    let size = allowed.and_then(|first| u32::try_from(first).ok());
    size.ok_or_else(|| ApiError::bad(format!("`first` must be between 1 and {MOST}.")))
}

/// The key of the item before the page.
pub(crate) fn start(after: Option<&str>) -> Result<Option<String>> {
    let Some(after) = after else { return Ok(None) };
    let plain = BASE64.decode(after).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let key = plain.and_then(|plain| plain.strip_prefix("after:").map(str::to_owned));
    key.map(Some).ok_or_else(unknown_cursor)
}

/// The refusal of a cursor that is not from this listing.
pub(crate) fn unknown_cursor() -> ApiError {
    ApiError::bad("`after` must be a cursor of this listing, as `endCursor` gives it.")
}

/// Makes a page of the items that the store listed.
pub(crate) fn of<Item, Node, Extra>(
    listed: Listed<Item>,
    after: Option<&String>,
    extra: Extra,
    edge: impl Fn(Item) -> (Cursor, Node),
) -> Page<Node, Extra>
where
    Node: OutputType,
    Extra: ObjectType,
{
    let mut page = Connection::with_additional_fields(after.is_some(), listed.more, extra);
    let edges = listed.items.into_iter().map(edge);
    page.edges = edges.map(|(cursor, node)| Edge::new(cursor, node)).collect();
    page
}

/// Reads a page, and counts the bytes of its items by `weigh`.
pub(crate) async fn read<Item>(
    context: &Context<'_>,
    page: impl Future<Output = Result<Listed<Item>>>,
    weigh: impl Fn(&Item) -> usize,
) -> Result<Listed<Item>> {
    budget(context).read(PAGE_BYTES, page, |listed| listed.items.iter().map(&weigh).sum()).await
}

/// Reads one item, and counts its bytes by `weigh`.
pub(crate) async fn find<Item>(
    context: &Context<'_>,
    item: impl Future<Output = Result<Option<Item>>>,
    weigh: impl Fn(&Item) -> usize,
) -> Result<Option<Item>> {
    budget(context).read(PAGE_BYTES, item, |found| found.as_ref().map_or(0, &weigh)).await
}

/// Cost of a field that reads the store, so that a document has at most fifty of them: a field that is written twice is
/// resolved twice.
pub(crate) const STATEMENT: usize = 2_000;
/// Cost of a field that takes long, so that a document has only a few of them.
pub(crate) const WORK: usize = 20_000;
/// Cost of a value that may be tens of kibibytes of JSON.
pub(crate) const BULKY: usize = 100;

/// Cost of a page: its statement, itself, and its fields once for each item. A size that will be refused costs as much
/// as the largest page.
pub(crate) fn cost(first: i32, fields: usize) -> usize {
    let items = if (1..=MOST).contains(&first) { first } else { MOST };
    times(usize::try_from(items).unwrap_or_default(), fields).saturating_add(STATEMENT)
}

/// Cost of a list that is assumed to have this many items.
pub(crate) fn times(items: usize, fields: usize) -> usize {
    items.saturating_mul(fields).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_between_one_and_a_hundred_items() {
        assert_eq!((size(1).unwrap(), size(100).unwrap()), (1, 100));
        for first in [i32::MIN, -1, 0, 101, i32::MAX] {
            assert_eq!(size(first).unwrap_err().message, "`first` must be between 1 and 100.");
        }
    }

    #[test]
    fn a_cursor_leads_back_to_its_key_and_others_are_refused() {
        let cursor = Cursor::behind("weekly");
        assert_eq!(start(Some(&cursor.encode_cursor())).unwrap().as_deref(), Some("weekly"));
        assert_eq!(start(None).unwrap(), None);
        for text in ["", "weekly", "%%%", "d2Vla2x5"] {
            assert!(start(Some(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn the_cost_cannot_overflow() {
        assert_eq!((cost(10, 5), cost(-7, 5), cost(i32::MAX, 5)), (2_051, 2_501, 2_501));
        assert_eq!(cost(100, usize::MAX), usize::MAX);
    }
}
