use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::{Bound, Room, Set, Sink};
use crate::ports::scratch::{Scratch, ScratchFault, ScratchFile, ScratchFolder};

/// A room that holds so many records; all others go to a file.
fn tight(records: usize) -> Room {
    Room::default().bounded(Bound { records, bytes: 1024 * 1024 })
}

fn records(count: usize) -> Vec<Value> {
    // Texts that JSON has to spell, numbers that must not be rounded, fields out of order.
    let record =
        |n: usize| json!({"z": n, "a": "line\nend \u{1f600}\"".repeat(n % 40), "f": 0.1 + n as f64, "u": u64::MAX});
    (0..count).map(record).collect()
}

fn written(room: &Room, records: &[Value]) -> Set {
    let mut writer = room.writer();
    writer.extend(records.iter().cloned()).unwrap();
    writer.finish().unwrap()
}

fn rest(set: &Set, skip: usize) -> Vec<Value> {
    set.iter_from(skip).map(|record| record.unwrap().into_owned()).collect()
}

#[test]
fn a_spilled_set_is_the_set_in_memory() {
    for count in [0, 1, 5, 6, 7, 1000, 3000] {
        let records = records(count);
        let set = written(&tight(5), &records);
        assert_eq!(set.in_memory(), count <= 5, "{count}");
        assert_eq!((set.len(), set.is_empty()), (count, count == 0));
        assert_eq!(set.to_vec().unwrap(), records);
        assert_eq!(set.bytes(), Set::held(records.clone()).bytes());
        assert_eq!(set.first(2), &records[..2.min(count)]);
        for skip in [0, 1, count / 2, count.saturating_sub(1), count, count + 10] {
            assert_eq!(rest(&set, skip), records[skip.min(count)..], "{count} without {skip}");
        }
    }
}

#[test]
fn the_order_of_fields_is_kept() {
    let set = written(&tight(1), &records(3));
    let text: Vec<_> = set.iter().map(|record| record.unwrap().to_string()).collect();
    assert!(text[2].starts_with("{\"z\":2,\"a\":"), "{}", text[2]);
}

#[tokio::test]
async fn batches_lose_nothing_and_repeat_nothing() {
    let records = records(1003);
    for set in [written(&tight(10), &records), written(&tight(5000), &records)] {
        for (size, skip) in [(1, 990), (7, 0), (100, 0), (100, 500), (1003, 0), (5000, 3), (10, 1003), (10, 2000)] {
            let (mut batches, mut seen) = (set.batches(size, skip), Vec::new());
            while let Some(batch) = batches.next().await.unwrap() {
                assert!(!batch.is_empty() && batch.len() <= size);
                assert!(batch.len() == size || seen.len() + batch.len() + skip == 1003, "only the last is smaller");
                seen.extend(batch.into_owned());
            }
            assert_eq!(seen, records[skip.min(1003)..], "{size} without {skip}");
        }
    }
}

#[tokio::test]
async fn a_sink_makes_the_same_set() {
    let records = records(500);
    for room in [tight(20), tight(5000)] {
        let mut sink = Sink::into(room.writer());
        for part in records.chunks(30) {
            sink.extend(part.to_vec()).await.unwrap();
        }
        assert_eq!(sink.finish().await.unwrap().to_vec().unwrap(), records);
    }
}

#[test]
fn large_records_are_not_kept_at_hand() {
    let room = Room::default().bounded(Bound { records: 100, bytes: 1000 });
    let large = [json!({"a": 1}), json!({"a": "x".repeat(2000)}), json!({"a": 2})];
    let set = written(&room, &large);
    assert_eq!((set.first(3), set.len()), (&large[..1], 3));
    assert_eq!(set.to_vec().unwrap(), large);
}

/// A disk that takes so many writes and is full then, or that forgets.
struct Poor {
    writes: AtomicUsize,
    forgets: bool,
}

struct PoorFile(Arc<dyn ScratchFile>, Arc<Poor>);

impl ScratchFile for PoorFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), ScratchFault> {
        let left = self.1.writes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map_err(|_| ScratchFault("the disk is full".to_owned()))?;
        self.0.write_at(bytes, offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), ScratchFault> {
        self.0.read_at(buffer, offset)?;
        if self.1.forgets {
            buffer.fill(0);
        }
        Ok(())
    }
}

struct PoorDisk(Arc<Poor>);

impl Scratch for PoorDisk {
    fn file(&self) -> Result<Arc<dyn ScratchFile>, ScratchFault> {
        Ok(Arc::new(PoorFile(ScratchFolder::of_system().file()?, Arc::clone(&self.0))))
    }
}

pub(super) fn poor(writes: usize, forgets: bool) -> Room {
    let disk = PoorDisk(Arc::new(Poor { writes: writes.into(), forgets }));
    Room::with(Arc::new(disk)).bounded(Bound { records: 10, bytes: 1000 })
}

#[tokio::test]
async fn a_full_disk_is_a_fault_and_no_panic() {
    let (few, many) = (records(20), records(3000));
    let mut writer = poor(0, false).writer();
    writer.extend(few.clone()).unwrap();
    assert_eq!(writer.finish().map(|set| set.len()).unwrap_err().0, "the disk is full");
    assert_eq!(poor(3, false).writer().extend(many.clone()).unwrap_err().0, "the disk is full");
    let mut sink = Sink::into(poor(3, false).writer());
    sink.extend(many).await.unwrap();
    assert_eq!(sink.extend(few.clone()).await.unwrap_err().0, "the disk is full");
    assert!(sink.extend(few).await.is_err(), "and it stays one");
}

#[tokio::test]
async fn a_disk_that_forgets_is_a_fault_and_no_panic() {
    let set = written(&poor(100, true), &records(3000));
    assert_eq!(set.first(3), &records(3)[..], "the first are in memory");
    let told = set.to_vec().unwrap_err().0;
    assert!(told.starts_with("A scratch file does not hold what was written to it: "), "{told}");
    assert_eq!(set.iter().count(), 1, "after a fault nothing comes");
    assert!(set.batches(10, 0).next().await.is_err());
}
