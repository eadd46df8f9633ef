//! The fuzz targets, for a while, with inputs made from their corpus: bytes changed, cut out, doubled and exchanged. A
//! fuzzer that sees which branches an input takes does it better; this needs nothing but the tests.

use std::time::{Duration, Instant};

use crate::support::root;

#[path = "../../fuzz/targets.rs"]
mod targets;

/// How long each target is tried, in seconds, unless `ROPEWALK_FUZZ_SECONDS` says otherwise, and how long one input may take.
const SECONDS: u64 = 2;
const ONE: Duration = Duration::from_secs(3);
/// What is put in now and then: beginnings and ends of what parsers look for.
const TOKENS: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    "{{",
    "}}",
    "{{#each ",
    "{{/each}}",
    "$<",
    ">",
    "...",
    "$ref",
    "#/$defs/a",
    "anyOf",
    "null",
    "1e999",
    "-0",
    "\u{202e}",
    "\u{0}",
    ",,,,",
    "\n",
    "@include(if: true)",
];

/// Numbers that are the same in every run: an xorshift.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % most.max(1) as u64).unwrap_or_default()
    }
}

fn changed(corpus: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut input = corpus[chance.below(corpus.len())].clone();
    for _ in 0..=chance.below(4) {
        let from = chance.below(input.len());
        let to = (from + chance.below(32)).min(input.len());
        match chance.below(6) {
            0 if from < input.len() => input[from] = u8::try_from(chance.below(256)).unwrap_or_default(),
            1 => drop(input.drain(from..to)),
            2 => {
                let part = input[from..to].to_vec();
                let times = 1 + chance.below(64);
                input.splice(from..from, part.repeat(times));
            }
            3 => {
                let other = &corpus[chance.below(corpus.len())];
                let start = chance.below(other.len());
                let end = (start + chance.below(64)).min(other.len());
                input.splice(from..from, other[start..end].iter().copied());
            }
            _ => {
                let token = TOKENS[chance.below(TOKENS.len())].repeat(1 + chance.below(8));
                input.splice(from..from, token.bytes());
            }
        }
    }
    input
}

#[test]
fn no_input_breaks_a_reader() {
    let seconds = std::env::var("ROPEWALK_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(SECONDS));
    for (name, target) in targets::ALL {
        let folder = root().join("fuzz/corpus").join(name);
        let files = std::fs::read_dir(&folder).expect("a corpus").flatten();
        let mut corpus: Vec<_> = files.map(|file| std::fs::read(file.path()).expect("an input")).collect();
        corpus.sort();
        assert!(!corpus.is_empty(), "{name} has no corpus");
        let (began, mut chance, mut tried) = (Instant::now(), Chance(0x9e37_79b9_7f4a_7c15), 0_u64);
        corpus.iter().for_each(|input| target(input));
        while began.elapsed() < time {
            let input = changed(&corpus, &mut chance);
            let at = Instant::now();
            target(&input);
            assert!(at.elapsed() < ONE, "{name} took {:?}: {:?}", at.elapsed(), String::from_utf8_lossy(&input));
            tried += 1;
        }
        eprintln!("{name}: {tried} inputs");
    }
}
