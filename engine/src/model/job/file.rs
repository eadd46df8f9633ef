//! Job files: one job or several, and filter templates.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::model::fault::{Fault, did_you_mean, duplicate, element};
use crate::model::job_schema::job_schema;

const TEMPLATES: &str = "filterTemplates";
const JOBS: &str = "jobs";

/// A job file, split into documents that are not read yet.
#[derive(Debug, Default, PartialEq)]
pub struct JobFile {
    /// Templates, in the order of the file.
    pub templates: Vec<Part>,
    /// Jobs, in the order of the file.
    pub jobs: Vec<Part>,
}

/// The document of one job or one template in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Its path in the file, such as `jobs[1]`; empty for a job that is the whole file.
    pub path: String,
    /// The job or the template.
    pub document: Value,
}

impl JobFile {
    /// Splits a file.
    ///
    /// # Errors
    /// Every fault of the file outside of its jobs and templates.
    pub fn split(document: Value) -> Result<Self, Vec<Fault>> {
        let Value::Object(mut fields) = document else {
            return Err(vec![Fault::at("", "is not a job: it must be an object with `key` and `lines`")]);
        };
        let mut faults = Vec::new();
        let templates = parts(fields.shift_remove(TEMPLATES), TEMPLATES, &mut faults);
        let jobs = match fields.shift_remove(JOBS) {
            Some(jobs) => {
                let misplaced = fields.keys();
                faults.extend(
                    misplaced.map(|name| Fault::at(name, "is outside of the jobs; move it into one of `jobs`")),
                );
                parts(Some(jobs), JOBS, &mut faults)
            }
            None if fields.is_empty() && !templates.is_empty() => Vec::new(),
            None => vec![Part { path: String::new(), document: Value::Object(fields) }],
        };
        for parts in [&templates, &jobs] {
            faults.extend(faults_of_keys(parts));
        }
        if faults.is_empty() { Ok(Self { templates, jobs }) } else { Err(faults) }
    }

    /// The job with this key, or without a key the only job.
    ///
    /// # Errors
    /// One sentence with the jobs of the file.
    pub fn job(&self, key: Option<&str>) -> Result<&Part, String> {
        let keys: Vec<_> = self.jobs.iter().filter_map(Part::key).collect();
        let listed = keys.join(", ");
        match (key, self.jobs.as_slice()) {
            (_, []) => Err("has no jobs".to_owned()),
            (None, [only]) => Ok(only),
            (None, several) => Err(format!("has {} jobs; name one of them: {listed}", several.len())),
            (Some(key), jobs) => jobs.iter().find(|job| job.key() == Some(key)).ok_or_else(|| {
                match did_you_mean(key, keys.iter().copied()) {
                    near if near.is_empty() => format!("has no job `{key}`; its jobs are: {listed}"),
                    near => format!("has no job `{key}`{near} Its jobs are: {listed}"),
                }
            }),
        }
    }
}

impl Part {
    /// The key in the document, if there is one.
    pub fn key(&self) -> Option<&str> {
        self.document["key"].as_str()
    }

    /// A fault of the part, with its path from the root of the file.
    pub fn in_file(&self, fault: Fault) -> Fault {
        let path = match (self.path.as_str(), fault.path.as_str()) {
            ("", path) => path.to_owned(),
            (part, "") => part.to_owned(),
            (part, path) => format!("{part}.{path}"),
        };
        Fault { path, ..fault }
    }
}

fn parts(written: Option<Value>, name: &str, faults: &mut Vec<Fault>) -> Vec<Part> {
    match written {
        None => Vec::new(),
        Some(Value::Array(all)) => {
            let documents = all.into_iter().enumerate();
            documents.map(|(index, document)| Part { path: element(name, index), document }).collect()
        }
        Some(_) => {
            faults.push(Fault::at(name, "must be a list"));
            Vec::new()
        }
    }
}

fn faults_of_keys(parts: &[Part]) -> Vec<Fault> {
    let mut first: BTreeMap<&str, &Part> = BTreeMap::new();
    let mut faults = Vec::new();
    for part in parts {
        let Some(key) = part.key() else { continue };
        match first.get(key) {
            Some(other) => {
                let message = duplicate(format_args!("`{key}`"), "key", &other.path);
                faults.push(part.in_file(Fault::at("key", message)));
            }
            None => {
                first.insert(key, part);
            }
        }
    }
    faults
}

/// The JSON Schema of a job file in all its forms.
pub fn file_schema() -> Value {
    let Value::Object(mut file) = job_schema() else { return Value::Null };
    let mut job = Map::new();
    for name in ["type", "required", "additionalProperties", "properties"] {
        job.extend(file.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    file["$defs"]["job"] = Value::Object(job);
    file["properties"][TEMPLATES] = json!({
        "description": "Filter templates. The jobs of this file and other jobs can use them.",
        "type": "array", "items": {"$ref": "#/$defs/filterTemplate"},
    });
    file["properties"][JOBS] = json!({
        "description": "The jobs of a file with several jobs. A file with one job may be the job itself.",
        "type": "array", "items": {"$ref": "#/$defs/job"},
    });
    file.shift_remove("required");
    file.insert(
        "anyOf".to_owned(),
        json!([{"required": ["key", "lines"]}, {"required": [JOBS]}, {"required": [TEMPLATES]}]),
    );
    Value::Object(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::criteria::Reading;
    use crate::model::schema::Schema;

    fn messages(document: Value) -> Vec<String> {
        JobFile::split(document).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_is_a_job_or_holds_several() {
        let one = JobFile::split(json!({"key": "a", "filterTemplates": [{"key": "t"}], "lines": []})).unwrap();
        assert_eq!(one.jobs, [Part { path: String::new(), document: json!({"key": "a", "lines": []}) }]);
        assert_eq!(one.templates, [Part { path: "filterTemplates[0]".to_owned(), document: json!({"key": "t"}) }]);
        let several = JobFile::split(json!({"jobs": [{"key": "a"}, {"key": "b"}]})).unwrap();
        assert_eq!(several.jobs.iter().map(|job| job.path.as_str()).collect::<Vec<_>>(), ["jobs[0]", "jobs[1]"]);
        assert!(JobFile::split(json!({"filterTemplates": [{"key": "t"}]})).unwrap().jobs.is_empty());
        assert_eq!(JobFile::split(json!({})).unwrap().jobs.len(), 1, "its faults are found when the job is read");
    }

    #[test]
    fn faults_outside_of_the_parts_are_reported() {
        assert!(messages(json!(5))[0].contains("is not a job"));
        assert_eq!(messages(json!({"jobs": {}, "filterTemplates": 5, "key": "a"})).len(), 3);
        let twice = messages(json!({"jobs": [{"key": "a"}, {"key": "a"}], "filterTemplates": [{"key": "a"}]}));
        assert_eq!(twice, ["jobs[1].key: `a` is already the key of jobs[0]; choose another one"]);
    }

    #[test]
    fn a_job_is_chosen_by_its_key_where_there_are_several() {
        let file = JobFile::split(json!({"jobs": [{"key": "first"}, {"key": "second"}]})).unwrap();
        assert_eq!(file.job(Some("second")).unwrap().path, "jobs[1]");
        assert_eq!(file.job(None).unwrap_err(), "has 2 jobs; name one of them: first, second");
        let message = file.job(Some("secnd")).unwrap_err();
        assert_eq!(message, "has no job `secnd`; did you mean `second`? Its jobs are: first, second");
        let one = JobFile::split(json!({"key": "a"})).unwrap();
        assert!(one.job(None).is_ok() && one.job(Some("a")).is_ok() && one.job(Some("b")).is_err());
        let fault = file.jobs[1].in_file(Fault::at("lines[0]", "x"));
        assert_eq!(fault.to_string(), "jobs[1].lines[0]: x");
    }

    #[test]
    fn the_schema_of_files_takes_every_form() {
        let schema = Schema::compile(&file_schema()).unwrap();
        let job = json!({"key": "a", "lines": [{"filter": {"template": "t", "values": {"x": 1}}}]});
        let mut both = job.clone();
        both["filterTemplates"] = json!([{"key": "t", "values": {}, "limit": 5}]);
        for good in [job.clone(), both.clone(), json!({"jobs": [job]}), json!({"filterTemplates": [{"key": "t"}]})] {
            assert_eq!(schema.faults(&good, "", Reading::Rendered), [], "{good}");
        }
        both["filterTemplates"][0]["script"] = json!("r => r");
        for bad in [json!({}), json!({"key": "a"}), json!({"jobs": [{"key": "a"}]}), both] {
            assert!(!schema.faults(&bad, "", Reading::Rendered).is_empty(), "{bad}");
        }
    }
}
