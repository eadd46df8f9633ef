//! The sets that the lines of a job result passed on, for later lines that read them.

use std::collections::BTreeMap;

use crate::model::line::{Line, Work};
use crate::model::result::LineResult;
use crate::model::source::LineRef;
use crate::records::Set;

/// The sets of earlier lines, each kept for as long as a later line reads it.
#[derive(Debug, Clone, Default)]
pub(crate) struct LineSets {
    /// The number of each line that reads a set, and the line that it names.
    uses: Vec<(u32, LineRef)>,
    /// By the number of the line, with its name. For a set that is lost, the reason.
    sets: BTreeMap<u32, (Option<String>, Result<Set, String>)>,
}

impl LineSets {
    pub(crate) fn of(lines: &[Line]) -> Self {
        let filters = lines.iter().filter_map(|line| match &line.work {
            Work::Filter(work) => Some((line.line_no, work)),
            Work::Action(_) => None,
        });
        let uses =
            filters.flat_map(|(line_no, work)| work.lines.iter().map(move |(_, named)| (line_no, named.clone())));
        Self { uses: uses.collect(), sets: BTreeMap::new() }
    }

    /// Adds the set that a line passed on, and drops the sets that no later line reads.
    pub(crate) fn passed_on(&mut self, line: &Line, set: &Set) {
        self.uses.retain(|(reader, _)| *reader > line.line_no);
        self.sets.insert(line.line_no, (line.name.clone(), Ok(set.clone())));
        let uses = &self.uses;
        self.sets.retain(|line_no, (name, _)| uses.iter().any(|(_, named)| named.is(*line_no, name.as_deref())));
    }

    /// Whether a line from this number on reads what another line passed on.
    pub(crate) fn is_read_from(&self, line_no: u32, passed_on: &LineResult) -> bool {
        let named = |line: &LineRef| line.is(passed_on.line_no, passed_on.name.as_deref());
        self.uses.iter().any(|(reader, line)| *reader >= line_no && named(line))
    }

    /// Restores the set that a line passed on before an interruption, or the reason why it is lost.
    pub(crate) fn restore(&mut self, line: &LineResult, set: Result<Set, String>) {
        self.sets.insert(line.line_no, (line.name.clone(), set));
    }

    /// The sets that later lines read, with the numbers of their lines.
    pub(crate) fn kept(&self) -> Vec<(u32, Set)> {
        let sets = self.sets.iter();
        sets.filter_map(|(line_no, (_, set))| Some((*line_no, set.as_ref().ok()?.clone()))).collect()
    }

    /// The set that a line passed on, or the reason why it is lost. None if the line passed on none, or if no line of
    /// the job reads it.
    pub(crate) fn get(&self, named: &LineRef) -> Option<Result<Set, String>> {
        let mut sets = self.sets.iter();
        sets.find(|(line_no, (name, _))| named.is(**line_no, name.as_deref())).map(|(_, (_, set))| set.clone())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::catalogue::{Catalogue, Choice};
    use crate::model::job::Job;

    fn job(lines: Value) -> Job {
        Job::read(&json!({"key": "job", "lines": lines}), &Catalogue::default(), Choice::Newest(&[])).unwrap()
    }

    fn kept(sets: &LineSets) -> Vec<u32> {
        sets.sets.keys().copied().collect()
    }

    #[test]
    fn a_set_is_kept_until_the_last_line_that_reads_it() {
        let job = job(json!([
            {"name": "a", "filter": {}},
            {"filter": {}},
            {"filter": {"source": {"line": "a"}}},
            {"filter": {"lookup": {"x": {"line": 10, "on": "n", "key": "n"}}}},
            {"filter": {}},
        ]));
        let mut sets = LineSets::of(&job.lines);
        let mut seen = Vec::new();
        for line in &job.lines {
            sets.passed_on(line, &Set::held(vec![json!({"line": line.line_no})]));
            seen.push(kept(&sets));
        }
        assert_eq!(seen, [vec![10], vec![10], vec![10], vec![], vec![]]);
    }

    #[test]
    fn a_set_is_found_by_name_and_by_number() {
        let job = job(json!([
            {"name": "a", "filter": {}},
            {"filter": {"source": {"line": "a"}}},
            {"filter": {"source": {"line": 10}}},
        ]));
        let mut sets = LineSets::of(&job.lines);
        assert!(sets.get(&LineRef::Number(10)).is_none());
        sets.passed_on(&job.lines[0], &Set::held(vec![json!({"n": 1})]));
        for named in [LineRef::Number(10), LineRef::Name("a".to_owned())] {
            assert_eq!(sets.get(&named).unwrap().unwrap().to_vec().unwrap(), [json!({"n": 1})]);
        }
        assert!(sets.get(&LineRef::Name("b".to_owned())).is_none());
    }
}
