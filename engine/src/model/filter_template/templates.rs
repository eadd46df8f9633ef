//! The filter templates that an organization's jobs may use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::FilterTemplate;
use crate::model::fault::did_you_mean;
use crate::model::template_version::TemplateVersion;

/// Filter templates by key, each in one version.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    by_key: BTreeMap<String, Arc<FilterTemplate>>,
}

impl Templates {
    /// Collects templates by their keys.
    pub fn new(templates: impl IntoIterator<Item = Arc<FilterTemplate>>) -> Self {
        Self { by_key: templates.into_iter().map(|template| (template.named.key.clone(), template)).collect() }
    }

    /// Their keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.by_key.keys().map(String::as_str)
    }

    /// The template with a key.
    ///
    /// # Errors
    /// One sentence with the nearest key.
    pub fn find(&self, key: &str) -> Result<&Arc<FilterTemplate>, String> {
        self.by_key.get(key).ok_or_else(|| {
            let near = did_you_mean(key, self.keys());
            format!("there is no filter template `{key}`{near}")
        })
    }

    /// Those of the versions that are not among these templates.
    pub fn missing(&self, versions: &[TemplateVersion]) -> Vec<TemplateVersion> {
        let is_known =
            |wanted: &&TemplateVersion| self.by_key.get(&wanted.key).is_some_and(|known| known.named == **wanted);
        versions.iter().filter(|wanted| !is_known(wanted)).cloned().collect()
    }

    /// These templates in the versions that a job result uses. `loaded` are the versions that were
    /// [missing](Self::missing), as far as they still exist; the others are left out.
    #[must_use]
    pub fn at(&self, versions: &[TemplateVersion], loaded: impl IntoIterator<Item = Arc<FilterTemplate>>) -> Self {
        let mut by_key = self.by_key.clone();
        for missing in self.missing(versions) {
            by_key.remove(&missing.key);
        }
        by_key.extend(loaded.into_iter().map(|template| (template.named.key.clone(), template)));
        Self { by_key }
    }
}

/// The keys of the templates that the lines of a job's document name.
pub fn named_in(document: &Value) -> BTreeSet<String> {
    let lines = document["lines"].as_array().into_iter().flatten();
    lines.filter_map(|line| line["filter"]["template"].as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(key: &str, version: u32) -> Arc<FilterTemplate> {
        Arc::new(FilterTemplate::read(&json!({"key": key}), version).unwrap())
    }

    fn version(key: &str, version: u32) -> TemplateVersion {
        TemplateVersion { key: key.to_owned(), version }
    }

    #[test]
    fn a_near_key_is_offered() {
        let templates = Templates::new([template("open-orders", 1)]);
        assert!(templates.find("open-orders").is_ok());
        let message = templates.find("open-order").unwrap_err();
        assert_eq!(message, "there is no filter template `open-order`; did you mean `open-orders`?");
    }

    #[test]
    fn noted_versions_take_the_place_of_the_newest() {
        let newest = Templates::new([template("a", 3), template("b", 2), template("c", 7)]);
        let noted = [version("a", 2), version("b", 2), version("c", 1)];
        assert_eq!(newest.missing(&noted), [version("a", 2), version("c", 1)]);
        let at = newest.at(&noted, [template("a", 2)]);
        assert_eq!(at.find("a").unwrap().named.version, 2);
        assert_eq!(at.find("b").unwrap().named.version, 2);
        assert!(at.find("c").is_err(), "another version must not replace one that no longer exists");
    }

    #[test]
    fn a_job_names_templates_in_its_filters() {
        let job = json!({"lines": [{"filter": {"template": "a"}}, {"action": "x"}, {"filter": {"template": "a"}}, {"filter": {"template": "b"}}]});
        assert_eq!(named_in(&job), ["a".to_owned(), "b".to_owned()].into());
        assert!(named_in(&json!({"lines": 5})).is_empty());
    }
}
