//! Crashes under load: `kill -9` at any moment loses nothing that was accepted, repeats nothing that was
//! recorded, and what is repeated all the same has the same key.
//!
//! Short by default; `ROPEWALK_CRASH_ROUNDS=100` makes it long, `ROPEWALK_CRASH_SEED` repeats one.

#[path = "crashes/evidence.rs"]
mod evidence;
#[path = "crashes/load.rs"]
mod load;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use evidence::{Counts, Evidence, all};
use load::Load;
use serde_json::json;

use crate::ledger::Ledger;
use crate::served::Server;
use crate::support::folder;

/// How long a server lives between two crashes, in milliseconds.
const LIVES: std::ops::Range<u64> = 150..1500;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|written| written.parse().expect("a number"))
}

/// Numbers that look like chance and can be had again (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

#[test]
fn crashes_lose_nothing_that_was_accepted_and_repeat_nothing_that_was_recorded() {
    let rounds = from_environment("ROPEWALK_CRASH_ROUNDS").unwrap_or(6);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_millis();
    let seed = from_environment("ROPEWALK_CRASH_SEED").unwrap_or(u64::try_from(now).expect("a time of this age"));
    eprintln!("ROPEWALK_CRASH_SEED={seed} ROPEWALK_CRASH_ROUNDS={rounds}");
    let (data, ledger, load) = (folder(), Ledger::open(), Arc::new(Load::default()));
    let mut server = Server::start(data.path());
    let token = server.token().to_owned();
    load::prepare(&server, ledger.address);
    let mut chance = Chance(seed);
    for round in 0..rounds {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = load.press(&server.address, &token, &stop);
        std::thread::sleep(Duration::from_millis(LIVES.start + chance.below(LIVES.end - LIVES.start)));
        if round % 4 == 3 {
            // Now and then most of it gets done before the crash.
            stop.store(true, Ordering::SeqCst);
            await_end(&server, &token, Duration::from_millis(chance.below(3000)));
        }
        server.crash();
        stop.store(true, Ordering::SeqCst);
        clients.into_iter().for_each(|client| client.join().expect("no panic"));
        ledger.turn_page();
        server = Server::start_again(data.path());
    }
    await_all(&server, &token);
    let fields = "id job title status message attempt lines { lineNo status message }";
    let evidence = Evidence { results: all(&server, &token, "jobResults", fields), entries: ledger.entries() };
    let accepted = load.accepted();
    evidence.nothing_accepted_is_lost(&accepted);
    evidence.everything_ended_as_it_should();
    for (job, collection) in [("keeps", "kept"), ("child", "children"), ("carries-on", "carried")] {
        evidence.each_record_is_there_once(&server, &token, job, collection);
    }
    evidence.each_parent_has_one_child();
    let mut counts = Counts::default();
    evidence.batches_are_sent_again_only_where_nobody_knew(&mut counts);
    let (asked, answered, results) = (load.asked(), accepted.len(), evidence.results.len());
    eprintln!("{rounds} crashes, {asked} starts asked for, {answered} answered, {results} results: {counts:?}");
}

/// Waits for the end of all that was started; whether it came in time.
fn await_end(server: &Server, token: &str, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if open(server, token) == 0 {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

/// Waits for the end of all that was started, as long as there are fewer and fewer of them.
fn await_all(server: &Server, token: &str) {
    let (mut fewest, mut since) = (u64::MAX, Instant::now());
    loop {
        let left = open(server, token);
        if left == 0 {
            return;
        }
        if left < fewest {
            (fewest, since) = (left, Instant::now());
        }
        if since.elapsed() > Duration::from_secs(60) {
            let fields = "id job title status message attempt lines { lineNo status message }";
            let mut stuck = all(server, token, "jobResults", fields);
            stuck.retain(|result| ["PENDING", "RUNNING"].contains(&result["status"].as_str().unwrap_or_default()));
            stuck.truncate(5);
            panic!("{left} never end, such as {stuck:#?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How many results have not ended.
fn open(server: &Server, token: &str) -> u64 {
    let query = "{ pending: jobResults(first: 1, status: PENDING) { totalCount } running: jobResults(first: 1, status: RUNNING) { totalCount } }";
    let open = server.ask(token, query, json!({}));
    let count = |status: &str| open[status]["totalCount"].as_u64().expect("a count");
    count("pending") + count("running")
}
