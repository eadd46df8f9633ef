//! What `list` returns, which depends on the word after the marker.
//!
//! The marker is `ROPEWALK-HOSTILE-LIST:` and is in the component once. It is followed by
//! 14 bytes, a word that is padded with dots; tests overwrite it with one of these:
//!
//! | word | what `list` does |
//! |---|---|
//! | `honest` | lists `misbehave` |
//! | `spin` | never returns |
//! | `trap` | traps |
//! | `schema` | gives a schema that is not JSON |
//! | `array` | gives a schema that describes a list, not an object |
//! | `twins` | lists two actions with the same name |
//! | `name` | lists an action whose name has spaces and a slash |
//! | `many` | lists 100,000 actions |
//! | `huge` | gives a summary of 50 MB |
//! | `none` | lists no actions |

use ropewalk_sdk::bindings::exports::ropewalk::action::actions::ActionSpec;

/// How many bytes the word has.
const WORD: usize = 14;
const MARKER: usize = 22;

#[used]
static LIST: [u8; MARKER + WORD] = *b"ROPEWALK-HOSTILE-LIST:honest........";

/// The word, read when the module runs and not when it is compiled.
fn word() -> String {
    let place = std::ptr::addr_of!(LIST).cast::<u8>();
    // SAFETY: all of these bytes belong to the static.
    let letters = (MARKER..MARKER + WORD).map(|at| char::from(unsafe { place.add(at).read_volatile() }));
    letters.take_while(|letter| *letter != '.').collect()
}

pub(crate) fn list(honest: ActionSpec) -> Vec<ActionSpec> {
    let named = |name: String| ActionSpec { name, ..honest.clone() };
    match word().as_str() {
        "spin" => crate::how::spin(),
        "schema" => vec![ActionSpec { parameters: "{\"type\": ".to_owned(), ..honest }],
        "array" => vec![ActionSpec { parameters: "{\"type\": \"array\", \"items\": {}}".to_owned(), ..honest }],
        "twins" => vec![honest.clone(), honest],
        "name" => vec![named("two words/one slash".to_owned())],
        "many" => (0..100_000).map(|number| named(format!("misbehave-{number}"))).collect(),
        "huge" => vec![ActionSpec { summary: "x".repeat(50_000_000), ..honest }],
        "none" => Vec::new(),
        "honest" => vec![honest],
        // `trap`, and any unknown word, so that a misspelled word fails its test.
        _ => std::process::abort(),
    }
}
