//! The modules that are loaded, by digest, and the locks for loading them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use super::module::Module;

/// Modules by digest. They are read for every line and rarely change.
#[derive(Default)]
pub(super) struct ModuleRegistry {
    modules: RwLock<HashMap<String, Arc<Module>>>,
    load_locks: Mutex<HashMap<String, Weak<LoadLock>>>,
}

/// Held while a module is loaded, so that it is not loaded twice at the same time.
pub(super) type LoadLock = tokio::sync::Mutex<()>;

impl ModuleRegistry {
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

    /// The lock of a digest. All callers get the same one while any of them has it.
    pub(super) fn load_lock(&self, digest: &str) -> Arc<LoadLock> {
        let mut locks = self.load_locks();
        if let Some(lock) = locks.get(digest).and_then(Weak::upgrade) {
            return lock;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::new(LoadLock::default());
        locks.insert(digest.to_owned(), Arc::downgrade(&lock));
        lock
    }

    fn load_locks(&self) -> MutexGuard<'_, HashMap<String, Weak<LoadLock>>> {
        self.load_locks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_shared_while_it_is_in_use_and_then_forgotten() {
        let registry = ModuleRegistry::default();
        let lock = registry.load_lock("a");
        assert!(Arc::ptr_eq(&lock, &registry.load_lock("a")));
        assert!(!Arc::ptr_eq(&lock, &registry.load_lock("b")));
        drop(lock);
        let _c = registry.load_lock("c");
        assert_eq!(registry.load_locks().len(), 1);
    }
}
