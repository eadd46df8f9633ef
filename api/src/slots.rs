//! Slots that are limited in total and for each holder, so that no holder can take the slots of all others.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many slots there are, and who holds them.
#[derive(Debug)]
pub(crate) struct SlotPool<Holder: Eq + Hash> {
    /// For all holders together.
    total: usize,
    /// For one holder.
    each: usize,
    taken: Mutex<Taken<Holder>>,
}

#[derive(Debug)]
struct Taken<Holder> {
    total: usize,
    by: HashMap<Holder, usize>,
}

/// Slots that are taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Slots<Holder: Eq + Hash> {
    pool: Arc<SlotPool<Holder>>,
    holder: Holder,
    count: usize,
}

/// Why slots were not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoSlot {
    /// The slots of the pool are taken.
    Total,
    /// The holder has as many as one may have.
    Holder,
}

impl<Holder: Eq + Hash + Clone> SlotPool<Holder> {
    pub(crate) fn new(total: usize, each: usize) -> Arc<Self> {
        Arc::new(Self { total, each, taken: Mutex::new(Taken { total: 0, by: HashMap::new() }) })
    }

    /// Takes `count` slots, or none.
    pub(crate) fn take(self: &Arc<Self>, holder: Holder, count: usize) -> Result<Slots<Holder>, NoSlot> {
        let taken = self.taken();
        let own = taken.by.get(&holder).copied().unwrap_or_default();
        if own.saturating_add(count) > self.each {
            return Err(NoSlot::Holder);
        }
        if taken.total.saturating_add(count) > self.total {
            return Err(NoSlot::Total);
        }
        Ok(self.add(taken, holder, count))
    }

    /// Takes slots beyond the limits, because others are about to be freed.
    pub(crate) fn take_beyond_limits(self: &Arc<Self>, holder: Holder, count: usize) -> Slots<Holder> {
        self.add(self.taken(), holder, count)
    }

    fn add(self: &Arc<Self>, mut taken: MutexGuard<'_, Taken<Holder>>, holder: Holder, count: usize) -> Slots<Holder> {
        taken.total += count;
        *taken.by.entry(holder.clone()).or_default() += count;
        Slots { pool: Arc::clone(self), holder, count }
    }
}

impl<Holder: Eq + Hash> SlotPool<Holder> {
    fn taken(&self) -> MutexGuard<'_, Taken<Holder>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Holder: Eq + Hash> Drop for Slots<Holder> {
    fn drop(&mut self) {
        let mut taken = self.pool.taken();
        taken.total -= self.count;
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
    fn no_holder_takes_more_than_its_share_and_slots_come_back() {
        let pool = SlotPool::new(5, 3);
        let held: Vec<_> = (0..3).map(|_| pool.take("one", 1).unwrap()).collect();
        assert_eq!(pool.take("one", 1).unwrap_err(), NoSlot::Holder);
        let other = pool.take("other", 2).unwrap();
        assert_eq!(pool.take("third", 1).unwrap_err(), NoSlot::Total);
        drop((held, other));
        assert!(pool.take("one", 3).is_ok());
        assert!(pool.taken().by.is_empty(), "holders without slots are forgotten");
    }
}
