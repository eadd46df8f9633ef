//! The modules that are ready, by digest, and whose turn it is to make one ready.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use super::module::Module;

/// Modules by digest. Looked up for every line, changed seldom.
#[derive(Default)]
pub(super) struct Ready {
    modules: RwLock<HashMap<String, Arc<Module>>>,
    turns: Mutex<HashMap<String, Weak<Turn>>>,
}

/// Held by whoever makes a module ready, so that nobody does it twice.
pub(super) type Turn = tokio::sync::Mutex<()>;

impl Ready {
    pub(super) fn find(&self, digest: &str) -> Option<Arc<Module>> {
        self.modules.read().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    pub(super) fn add(&self, module: Module) -> Arc<Module> {
        let module = Arc::new(module);
        let digest = module.info().digest.clone();
        self.modules.write().unwrap_or_else(PoisonError::into_inner).insert(digest, Arc::clone(&module));
        module
    }

    pub(super) fn remove(&self, digest: &str) {
        self.modules.write().unwrap_or_else(PoisonError::into_inner).remove(digest);
    }

    /// The turn of a digest: the same for all who ask while somebody has it.
    pub(super) fn turn(&self, digest: &str) -> Arc<Turn> {
        let mut turns = self.turns();
        if let Some(turn) = turns.get(digest).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(Turn::default());
        turns.insert(digest.to_owned(), Arc::downgrade(&turn));
        turn
    }

    fn turns(&self) -> MutexGuard<'_, HashMap<String, Weak<Turn>>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_shared_while_it_is_held_and_forgotten_after() {
        let ready = Ready::default();
        let one = ready.turn("a");
        assert!(Arc::ptr_eq(&one, &ready.turn("a")));
        assert!(!Arc::ptr_eq(&one, &ready.turn("b")));
        drop(one);
        let _c = ready.turn("c");
        assert_eq!(ready.turns().len(), 1);
    }
}
