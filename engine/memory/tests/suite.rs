//! What the ports promise, in memory.

use memory::MemoryStore;

async fn open() -> (MemoryStore, ()) {
    (MemoryStore::new(), ())
}

suite::store_tests!(crate::open);
