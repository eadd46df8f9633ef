//! Histories made up by chance: memory and SQLite answer alike.

use memory::MemoryStore;
use proptest::prelude::*;
use suite::history::{Move, play};

use super::DatabaseFolder;

async fn answers_are_alike(moves: &[Move]) {
    let expected = play(&MemoryStore::new(), moves).await;
    let found = play(&DatabaseFolder::new().store().await, moves).await;
    for (number, (expected, found)) in expected.iter().zip(&found).enumerate() {
        assert_eq!(expected, found, "answer {number}, to {:?}", moves.get(number));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn memory_and_sqlite_answer_alike(moves in prop::collection::vec(any::<Move>(), 0..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(answers_are_alike(&moves));
    }
}
