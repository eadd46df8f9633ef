use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::ports::scratch::{Scratch, ScratchFault, ScratchFile, ScratchFolder};
use crate::records::{Bound, Set, Sink, SpillConfig};

/// Keeps at most this many records in memory.
fn in_memory(records: usize) -> SpillConfig {
    SpillConfig::default().bounded(Bound { records, bytes: 1024 * 1024 })
}

fn records(count: usize) -> Vec<Value> {
    // Texts that JSON has to spell, numbers that must not be rounded, fields out of order.
    let record =
        |n: usize| json!({"z": n, "a": "line\nend \u{1f600}\"".repeat(n % 40), "f": 0.1 + n as f64, "u": u64::MAX});
    (0..count).map(record).collect()
}

fn written(spill: &SpillConfig, records: &[Value]) -> Set {
    let mut writer = spill.writer();
    writer.extend(records.iter().cloned()).unwrap();
    writer.finish().unwrap()
}

fn records_from(set: &Set, skip: usize) -> Vec<Value> {
    set.iter_from(skip).map(|record| record.unwrap().into_owned()).collect()
}

#[test]
fn a_spilled_set_is_the_set_in_memory() {
    for count in [0, 1, 5, 6, 7, 1000, 3000] {
        let records = records(count);
        let set = written(&in_memory(5), &records);
        assert_eq!(set.in_memory(), count <= 5, "{count}");
        assert_eq!((set.len(), set.is_empty()), (count, count == 0));
        assert_eq!(set.to_vec().unwrap(), records);
        assert_eq!(set.bytes(), Set::held(records.clone()).bytes());
        assert_eq!(set.first(2), &records[..2.min(count)]);
        for skip in [0, 1, count / 2, count.saturating_sub(1), count, count + 10] {
            assert_eq!(records_from(&set, skip), records[skip.min(count)..], "{count} without {skip}");
        }
    }
}

#[test]
fn the_order_of_fields_is_kept() {
    let set = written(&in_memory(1), &records(3));
    let text: Vec<_> = set.iter().map(|record| record.unwrap().to_string()).collect();
    assert!(text[2].starts_with("{\"z\":2,\"a\":"), "{}", text[2]);
}

#[tokio::test]
async fn batches_lose_nothing_and_repeat_nothing() {
    let records = records(1003);
    for set in [written(&in_memory(10), &records), written(&in_memory(5000), &records)] {
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
    for spill in [in_memory(20), in_memory(5000)] {
        let mut sink = Sink::into(spill.writer());
        for part in records.chunks(30) {
            sink.extend(part.to_vec()).await.unwrap();
        }
        assert_eq!(sink.finish().await.unwrap().to_vec().unwrap(), records);
    }
}

#[test]
fn large_records_are_not_kept_in_memory() {
    let spill = SpillConfig::default().bounded(Bound { records: 100, bytes: 1000 });
    let large = [json!({"a": 1}), json!({"a": "x".repeat(2000)}), json!({"a": 2})];
    let set = written(&spill, &large);
    assert_eq!((set.first(3), set.len()), (&large[..1], 3));
    assert_eq!(set.to_vec().unwrap(), large);
}

/// A disk that is full after some writes, or that loses what was written.
struct FaultyDisk {
    writes: AtomicUsize,
    loses_data: bool,
}

struct FaultyFile(Arc<dyn ScratchFile>, Arc<FaultyDisk>);

impl ScratchFile for FaultyFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), ScratchFault> {
        let left = self.1.writes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map_err(|_| ScratchFault("the disk is full".to_owned()))?;
        self.0.write_at(bytes, offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), ScratchFault> {
        self.0.read_at(buffer, offset)?;
        if self.1.loses_data {
            buffer.fill(0);
        }
        Ok(())
    }
}

struct FaultyScratch(Arc<FaultyDisk>);

impl Scratch for FaultyScratch {
    fn file(&self) -> Result<Arc<dyn ScratchFile>, ScratchFault> {
        Ok(Arc::new(FaultyFile(ScratchFolder::of_system().file()?, Arc::clone(&self.0))))
    }
}

pub(super) fn faulty_disk(writes: usize, loses_data: bool) -> SpillConfig {
    let disk = FaultyScratch(Arc::new(FaultyDisk { writes: writes.into(), loses_data }));
    SpillConfig::with(Arc::new(disk)).bounded(Bound { records: 10, bytes: 1000 })
}

#[tokio::test]
async fn a_full_disk_is_a_fault_and_no_panic() {
    let (few, many) = (records(20), records(3000));
    let mut writer = faulty_disk(0, false).writer();
    writer.extend(few.clone()).unwrap();
    assert_eq!(writer.finish().map(|set| set.len()).unwrap_err().0, "the disk is full");
    assert_eq!(faulty_disk(3, false).writer().extend(many.clone()).unwrap_err().0, "the disk is full");
    let mut sink = Sink::into(faulty_disk(3, false).writer());
    sink.extend(many).await.unwrap();
    assert_eq!(sink.extend(few.clone()).await.unwrap_err().0, "the disk is full");
    assert!(sink.extend(few).await.is_err(), "and it stays one");
}

#[tokio::test]
async fn a_disk_that_loses_data_is_a_fault_and_no_panic() {
    let set = written(&faulty_disk(100, true), &records(3000));
    assert_eq!(set.first(3), &records(3)[..], "the first are in memory");
    let message = set.to_vec().unwrap_err().0;
    assert!(message.starts_with("A scratch file does not hold what was written to it: "), "{message}");
    assert_eq!(set.iter().count(), 1, "after an error, iteration ends");
    assert!(set.batches(10, 0).next().await.is_err());
}
