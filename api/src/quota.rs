//! Places of which there are so many in all, and so many for each holder, so that nobody can take
//! those of everybody.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many places there are, and who has them.
#[derive(Debug)]
pub(crate) struct Quota<Holder: Eq + Hash> {
    /// For all holders together.
    all: usize,
    /// For one holder.
    each: usize,
    taken: Mutex<Taken<Holder>>,
}

#[derive(Debug)]
struct Taken<Holder> {
    all: usize,
    by: HashMap<Holder, usize>,
}

/// Places that are taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Places<Holder: Eq + Hash> {
    quota: Arc<Quota<Holder>>,
    holder: Holder,
    count: usize,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// All are taken.
    All,
    /// The holder has all that one may have.
    Each,
}

impl<Holder: Eq + Hash + Clone> Quota<Holder> {
    pub(crate) fn new(all: usize, each: usize) -> Arc<Self> {
        Arc::new(Self { all, each, taken: Mutex::new(Taken { all: 0, by: HashMap::new() }) })
    }

    /// Takes places, if there are so many.
    pub(crate) fn take(self: &Arc<Self>, holder: Holder, count: usize) -> Result<Places<Holder>, NoPlace> {
        let taken = self.taken();
        let own = taken.by.get(&holder).copied().unwrap_or_default();
        if own.saturating_add(count) > self.each {
            return Err(NoPlace::Each);
        }
        if taken.all.saturating_add(count) > self.all {
            return Err(NoPlace::All);
        }
        Ok(self.note(taken, holder, count))
    }

    /// Takes places although there may be none, since others are about to give theirs back.
    pub(crate) fn take_anyway(self: &Arc<Self>, holder: Holder, count: usize) -> Places<Holder> {
        self.note(self.taken(), holder, count)
    }

    fn note(
        self: &Arc<Self>,
        mut taken: MutexGuard<'_, Taken<Holder>>,
        holder: Holder,
        count: usize,
    ) -> Places<Holder> {
        taken.all += count;
        *taken.by.entry(holder.clone()).or_default() += count;
        Places { quota: Arc::clone(self), holder, count }
    }
}

impl<Holder: Eq + Hash> Quota<Holder> {
    fn taken(&self) -> MutexGuard<'_, Taken<Holder>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Holder: Eq + Hash> Drop for Places<Holder> {
    fn drop(&mut self) {
        let mut taken = self.quota.taken();
        taken.all -= self.count;
        if let Some(own) = taken.by.get_mut(&self.holder) {
            *own -= self.count;
            if *own == 0 {
                taken.by.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_more_than_its_share_and_places_come_back() {
        let quota = Quota::new(5, 3);
        let held: Vec<_> = (0..3).map(|_| quota.take("one", 1).unwrap()).collect();
        assert_eq!(quota.take("one", 1).unwrap_err(), NoPlace::Each);
        let other = quota.take("other", 2).unwrap();
        assert_eq!(quota.take("third", 1).unwrap_err(), NoPlace::All);
        drop((held, other));
        assert!(quota.take("one", 3).is_ok());
        assert!(quota.taken().by.is_empty(), "nothing is kept of holders that have gone");
    }
}
