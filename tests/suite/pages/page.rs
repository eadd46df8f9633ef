//! What a page is made of: its blocks, the commands in them, and patterns of what they print.

use serde_json::Value;

/// A fenced block.
#[derive(Debug)]
pub struct Block {
    pub language: String,
    /// The line above it.
    pub label: String,
    /// Its first line in the page, counted from 0.
    pub first: usize,
    pub lines: Vec<String>,
}

impl Block {
    pub fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    /// The name of the file that the block is.
    pub fn file(&self) -> Option<&str> {
        let name = self.label.strip_prefix('`')?.strip_suffix("`:")?;
        (!name.contains(['`', ' '])).then_some(name)
    }
}

pub fn blocks(text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let (mut inside, mut label) = (false, String::new());
    for (number, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), inside) {
            (Some(language), false) => {
                let language = language.to_owned();
                found.push(Block { language, label: std::mem::take(&mut label), first: number + 1, lines: Vec::new() });
                inside = true;
            }
            (Some(_), true) => inside = false,
            (None, true) => found.last_mut().expect("a block").lines.push(line.to_owned()),
            (None, false) if !line.trim().is_empty() => label = line.trim().to_owned(),
            (None, false) => {}
        }
    }
    found
}

/// A command of a console block, and the output that the page shows.
pub struct Step {
    pub command: String,
    /// The first line of the output in the page, counted from 0.
    pub first: usize,
    pub output: Vec<String>,
}

pub fn steps(block: &Block) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut goes_on = false;
    for (index, line) in block.lines.iter().enumerate() {
        let command = line.strip_prefix("$ ").map(str::to_owned);
        if let Some(command) = command {
            goes_on = command.ends_with('\\');
            steps.push(Step { command, first: block.first + index + 1, output: Vec::new() });
            continue;
        }
        let step = steps.last_mut().expect("a console block begins with a command");
        if goes_on {
            goes_on = line.ends_with('\\');
            step.command = format!("{} {}", step.command.trim_end_matches('\\'), line.trim());
            step.first += 1;
        } else {
            step.output.push(line.trim_end().to_owned());
        }
    }
    for step in &mut steps {
        let length = step.output.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
        step.output.truncate(length);
    }
    steps
}

/// Whether a text is as a pattern says, in which `…` stands for any text.
pub fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('…') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            let ends = text.char_indices().map(|(place, _)| place).chain([text.len()]);
            ends.into_iter().any(|end| fits(rest, &text[end..]))
        }),
    }
}

pub fn lines_fit(expected: &[String], actual: &[String]) -> bool {
    match expected.split_first() {
        None => actual.is_empty(),
        Some((line, rest)) if line == "…" => (0..=actual.len()).any(|skipped| lines_fit(rest, &actual[skipped..])),
        Some((line, rest)) => {
            actual.split_first().is_some_and(|(first, others)| fits(line, first) && lines_fit(rest, others))
        }
    }
}

pub fn json_fits(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::String(pattern), _) if pattern == "…" => true,
        (Value::String(pattern), Value::String(text)) => fits(pattern, text),
        (Value::Array(expected), Value::Array(actual)) => {
            expected.len() == actual.len() && expected.iter().zip(actual).all(|(one, other)| json_fits(one, other))
        }
        (Value::Object(expected), Value::Object(actual)) => {
            let found =
                |(name, value): (&String, &Value)| actual.get(name).is_some_and(|other| json_fits(value, other));
            expected.len() == actual.len() && expected.iter().all(found)
        }
        _ => expected == actual,
    }
}

/// A job of which the page shows a part: fields of a job, or a list of lines.
pub fn whole(fragment: &str) -> String {
    let begins = |word: &str| fragment.lines().any(|line| line.starts_with(word));
    if begins("key:") || begins("jobs:") {
        fragment.to_owned()
    } else if begins("filterTemplates:") {
        format!("{fragment}\njobs: [{{ key: fragment, lines: [{{ filter: {{}} }}] }}]\n")
    } else if begins("- ") {
        format!("key: fragment\nlines:\n{fragment}")
    } else if begins("lines:") {
        format!("key: fragment\n{fragment}")
    } else {
        format!("key: fragment\nlines: [{{ filter: {{}} }}]\n{fragment}")
    }
}
