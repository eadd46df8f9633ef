//! Plays the examples of a page of the documentation, as a reader would type them.
//!
//! - A line that is only a file name in backticks and a colon makes the block below it a file. Files in `examples/` must
//!   be as they are in the project.
//! - `console`: lines that begin with `$ ` are commands; what follows is the output. The exit code must be 0, unless
//!   the next command is `$ echo $?`. `ropewalk serve` starts a server that stays until the end of the page. The README
//!   says `cargo run --quiet --` instead of `ropewalk`. `mkdir` and `cp` work as usual.
//! - `graphql`: a request to that server, with the `json` blocks below `Variables:` and `Answer:`.
//! - `yaml` without a file name: a part of a job, which `ropewalk check` must accept. `js`: a script, likewise.
//! - `sh` and `text` are not run.
//!
//! In outputs and answers, `…` stands for any text of a line, and alone on a line for any lines. In a command it stands
//! for a word that an earlier output showed. `UPDATE_GUIDE=1` writes the outputs that were found into the page; lines that
//! fit a line of the page stay as they are there.

#[path = "pages/page.rs"]
mod page;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Ended, folder, program, root, write};
use page::{Block, Step, blocks, fits, json_fits, lines_fit, steps, whole};

/// The address that pages show. Tests take a free port instead.
const SHOWN: &str = "127.0.0.1:7700";
/// The first start on a machine compiles the bundled modules before it prints anything.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// A server that ends with its page.
struct Running {
    child: Child,
    address: String,
    printed: Receiver<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody who follows a page.
struct Reader {
    page: PathBuf,
    folder: TempDir,
    variables: BTreeMap<String, String>,
    /// What was printed and answered, the latest last.
    seen: Vec<String>,
    server: Option<Running>,
    code: i32,
    examples: usize,
    faults: Vec<String>,
    /// Outputs that differ: first line in the page, number of lines, and the new lines.
    differing: Vec<(usize, usize, Vec<String>)>,
}

/// Plays all examples of a page; gives how many there are, and what differs.
pub fn play(page: &str) -> (usize, Vec<String>) {
    let path = root().join(page);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}"));
    let mut reader = Reader::of(path);
    let blocks = blocks(&text);
    let mut rest = blocks.as_slice();
    while let Some((block, others)) = rest.split_first() {
        rest = others;
        match (block.file(), block.language.as_str()) {
            (Some(name), _) => reader.write(block, name),
            (None, "console") => reader.type_all(block),
            (None, "graphql") => {
                let labelled = |label: &str, rest: &[Block]| rest.first().is_some_and(|next| next.label == label);
                let mut variables = json!({});
                if labelled("Variables:", rest) {
                    variables = rest[0].json();
                    rest = &rest[1..];
                }
                assert!(labelled("Answer:", rest), "{page}:{}: the request has no answer", block.first);
                reader.ask(block, &variables, &rest[0]);
                rest = &rest[1..];
            }
            (None, "yaml") => reader.check(block, "fragment.yaml", &whole(&block.text())),
            (None, "js") => {
                let job = json!({"key": "script", "lines": [{"action": "js", "parameters": {"script": block.text()}}]});
                reader.check(block, "script.json", &job.to_string());
            }
            (None, "sh" | "text") => {}
            (None, other) => panic!("{page}:{}: nothing is known about blocks in `{other}`", block.first),
        }
    }
    reader.update(&text);
    (reader.examples, reader.faults)
}

impl Reader {
    fn of(page: PathBuf) -> Self {
        let folder = folder();
        for (from, to) in [("examples/data", "data"), ("examples/data", "examples/data"), ("examples", "examples")] {
            let to = folder.path().join(to);
            fs::create_dir_all(&to).expect("a folder");
            let entries = fs::read_dir(root().join(from)).expect("the examples");
            let paths = entries.map(|entry| entry.expect("an entry").path());
            for path in paths.filter(|path| path.is_file()) {
                fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("a copy");
            }
        }
        Self {
            page,
            folder,
            variables: BTreeMap::new(),
            seen: Vec::new(),
            server: None,
            code: 0,
            examples: 0,
            faults: Vec::new(),
            differing: Vec::new(),
        }
    }

    fn fault(&mut self, line: usize, what: &str, expected: &str, actual: &str) {
        let place = format!("{}:{line}", self.page.display());
        self.faults.push(format!("{place}: {what}\n--- the page\n{expected}\n--- the program\n{actual}\n"));
    }

    fn write(&mut self, block: &Block, name: &str) {
        let example = self.folder.path().join(name);
        if name.starts_with("examples/") {
            let text = fs::read_to_string(example).unwrap_or_default();
            if text != block.text() {
                self.fault(block.first, name, &block.text(), &text);
            }
        } else {
            write(self.folder.path(), name, &block.text());
        }
    }

    fn check(&mut self, block: &Block, name: &str, text: &str) {
        let file = write(self.folder.path(), name, text);
        let ended = Ended::from(program().args(["check", &file]).output().expect("the program starts"));
        if ended.code != 0 {
            self.fault(block.first, "has faults", &block.text(), &ended.stderr);
        }
    }

    fn type_all(&mut self, block: &Block) {
        let steps = steps(block);
        for (index, step) in steps.iter().enumerate() {
            let words = self.words(&step.command);
            let printed = self.type_one(&words, step);
            let shown = steps.get(index + 1).is_some_and(|next| next.command == "echo $?");
            if self.code != 0 && !shown {
                self.fault(
                    step.first,
                    &step.command,
                    "ends with code 0",
                    &format!("{printed}\nends with {}", self.code),
                );
            }
            let actual: Vec<_> = printed.trim_end().lines().map(|line| line.trim_end().to_owned()).collect();
            let expected = &step.output;
            if !lines_fit(expected, &actual) {
                self.fault(step.first, &step.command, &expected.join("\n"), &actual.join("\n"));
                let fitting = |line: &String| expected.iter().find(|shown| *shown != "…" && fits(shown, line)).cloned();
                let new = actual.into_iter().map(|line| fitting(&line).unwrap_or(line)).collect();
                self.differing.push((step.first, expected.len(), new));
            }
            self.seen.push(printed);
        }
    }

    /// Does what a command says; gives what it prints.
    fn type_one(&mut self, words: &[String], step: &Step) -> String {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let built = ["cargo", "run", "--quiet", "--"];
        let renamed = words.strip_prefix(&built).map(|arguments| [&["ropewalk"][..], arguments].concat());
        let words = renamed.unwrap_or(words);
        match words.as_slice() {
            ["echo", "$?"] => std::mem::take(&mut self.code).to_string(),
            ["export", assignment] => {
                let (name, value) = assignment.split_once('=').expect("NAME=VALUE");
                self.variables.insert(name.to_owned(), value.to_owned());
                String::new()
            }
            ["ropewalk", "serve", arguments @ ..] => self.serve(arguments, step.output.len()),
            ["ropewalk", arguments @ ..] => {
                let mut command = program();
                command.current_dir(self.folder.path()).envs(&self.variables).args(arguments);
                if let Some(server) = &self.server {
                    command.env("ROPEWALK_SERVER", format!("http://{}", server.address));
                }
                let ended = Ended::from(command.output().expect("the program starts"));
                self.code = ended.code;
                self.examples += 1;
                self.as_shown(&format!("{}{}", ended.stdout, ended.stderr))
            }
            ["mkdir" | "cp", arguments @ ..] => {
                let done = Command::new(words[0]).args(arguments).current_dir(self.folder.path()).output();
                let ended = Ended::from(done.expect("a command of every system"));
                self.code = ended.code;
                ended.stderr
            }
            ["curl", arguments @ ..] => {
                self.examples += 1;
                let answer = self.curl(arguments);
                self.as_shown(&answer)
            }
            _ => {
                panic!("{}:{}: `{}` is not a command that is known here", self.page.display(), step.first, step.command)
            }
        }
    }

    /// With the address that pages show.
    fn as_shown(&self, printed: &str) -> String {
        self.server.as_ref().map_or_else(|| printed.to_owned(), |server| printed.replace(&server.address, SHOWN))
    }

    fn serve(&mut self, arguments: &[&str], lines: usize) -> String {
        drop(self.server.take());
        let mut command = program();
        command.current_dir(self.folder.path()).envs(&self.variables);
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts");
        let output = BufReader::new(child.stdout.take().expect("standard output"));
        let (sender, printed) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut running = Running { child, address: String::new(), printed };
        let mut text = String::new();
        for _ in 0..lines {
            let line = running.printed.recv_timeout(LONGEST_WAIT).expect("another line");
            if let Some((_, address)) = line.split_once("listens on http://") {
                running.address = address.to_owned();
            }
            text += &format!("{line}\n");
        }
        self.server = Some(running);
        self.as_shown(&text)
    }

    fn curl(&self, arguments: &[&str]) -> String {
        let server = self.server.as_ref().expect("a server was started above");
        let (mut url, mut body, mut headers) = (String::new(), None, Vec::new());
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match *word {
                "-s" => {}
                "-H" => headers.push(words.next().expect("a header").split_once(": ").expect("NAME: VALUE")),
                "--data" | "-d" => body = words.next().copied(),
                _ => url = word.replace(SHOWN, &server.address),
            }
        }
        let agent = agent();
        let mut response = match body {
            Some(body) => {
                let request = headers
                    .iter()
                    .fold(agent.post(url.as_str()), |request, (name, value)| request.header(*name, *value));
                request.send(body).expect("an answer")
            }
            None => {
                let request = headers
                    .iter()
                    .fold(agent.get(url.as_str()), |request, (name, value)| request.header(*name, *value));
                request.call().expect("an answer")
            }
        };
        response.body_mut().read_to_string().expect("text")
    }

    fn ask(&mut self, request: &Block, variables: &Value, answer: &Block) {
        let server = self.server.as_ref().expect("a server was started above");
        let token = self.variables.get("ROPEWALK_TOKEN").expect("the page exports ROPEWALK_TOKEN");
        let url = format!("http://{}/graphql", server.address);
        let post = agent().post(url).header("Authorization", format!("Bearer {token}"));
        let sent = post.send_json(json!({"query": request.text(), "variables": variables}));
        let actual: Value = sent.expect("an answer").body_mut().read_json().expect("JSON");
        self.examples += 1;
        let expected = answer.json();
        if !json_fits(&expected, &actual) {
            self.fault(answer.first, "the answer differs", &format!("{expected:#}"), &format!("{actual:#}"));
        }
        self.seen.push(actual.to_string());
    }

    /// The words of a command, as a shell splits them.
    fn words(&self, command: &str) -> Vec<String> {
        if command == "echo $?" {
            return vec!["echo".to_owned(), "$?".to_owned()];
        }
        let mut words: Vec<String> = Vec::new();
        let (mut quote, mut open) = (None, false);
        let mut characters = command.chars().peekable();
        while let Some(character) = characters.next() {
            if quote.is_none() && character == ' ' {
                open = false;
                continue;
            }
            if !open {
                words.push(String::new());
                open = true;
            }
            let word = words.last_mut().expect("a word");
            match character {
                '\'' | '"' if quote == Some(character) => quote = None,
                '\'' | '"' if quote.is_none() => quote = Some(character),
                '$' if quote != Some('\'') => {
                    let mut name = String::new();
                    while let Some(next) = characters.next_if(|next| next.is_ascii_alphanumeric() || *next == '_') {
                        name.push(next);
                    }
                    word.push_str(self.variables.get(&name).unwrap_or_else(|| panic!("${name} was not exported")));
                }
                _ => word.push(character),
            }
        }
        words.iter().map(|word| self.filled(word)).collect()
    }

    /// A word of a command with what an earlier output showed in place of `…`.
    fn filled(&self, word: &str) -> String {
        if !word.contains('…') {
            return word.to_owned();
        }
        let (name, pattern) = word.split_once('=').map_or((None, word), |(name, pattern)| (Some(name), pattern));
        let apart = |letter: char| letter.is_whitespace() || "\"',{}[]()".contains(letter);
        let mut words = self.seen.iter().rev().flat_map(|seen| seen.split(apart)).filter(|seen| !seen.is_empty());
        let found = words.find(|seen| fits(pattern, seen)).unwrap_or_else(|| panic!("nothing showed `{pattern}`"));
        name.map_or_else(|| found.to_owned(), |name| format!("{name}={found}"))
    }

    /// Writes the outputs that were found into the page, if that is asked for.
    fn update(&mut self, text: &str) {
        if std::env::var_os("UPDATE_GUIDE").is_none() || self.differing.is_empty() {
            return;
        }
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        for (first, length, new) in self.differing.drain(..).rev() {
            lines.splice(first..first + length, new);
        }
        fs::write(&self.page, lines.join("\n") + "\n").expect("the page");
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}
