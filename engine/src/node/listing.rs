//! Reading all pages of a listing.

use crate::ports::{Listed, StoreError};

/// The wanted items of all pages. `page_after` reads the page after a cursor, and `cursor_of` is the cursor of an item.
pub(crate) async fn list_all<Item, Cursor, Page: Future<Output = Result<Listed<Item>, StoreError>>>(
    page_after: impl Fn(Option<Cursor>) -> Page,
    cursor_of: impl Fn(&Item) -> Cursor,
    is_wanted: impl Fn(&Item) -> bool,
) -> Result<Vec<Item>, StoreError> {
    let (mut items, mut after) = (Vec::new(), None);
    loop {
        let page = page_after(after).await?;
        after = page.items.last().map(&cursor_of);
        items.extend(page.items.into_iter().filter(&is_wanted));
        if !page.more {
            return Ok(items);
        }
    }
}
