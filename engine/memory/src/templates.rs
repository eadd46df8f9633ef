//! Filter templates and their versions, in memory.

use async_trait::async_trait;

use super::{MemoryStore, Tables, listed};
use crate::modules::{Holder, holder};
use engine::model::filter_template::named_in;
use engine::model::module::Owner;
use engine::model::organization::OrgScope;
use engine::model::record::size_of_text;
use engine::model::refusal::JobUse;
use engine::ports::templates::{
    FilterTemplates, NewTemplate, RemoveTemplateError, SaveTemplateError, SavedTemplate, SavingTemplate,
};
use engine::ports::{Listed, StoreError};

#[async_trait]
impl FilterTemplates for MemoryStore {
    async fn save_template(&self, scope: OrgScope, version: NewTemplate) -> Result<SavedTemplate, SaveTemplateError> {
        let holder = holder(scope, version.owner);
        let mut tables = self.tables();
        let foreign = |(other, key): &(Holder, String)| *key == version.key && other.is_none() != holder.is_none();
        if tables.templates.keys().any(foreign) {
            return Err(SaveTemplateError::KeyTaken(version.key));
        }
        let place = (holder, version.key.clone());
        let newest = tables.templates.get(&place).and_then(|versions| versions.last());
        match version.judge(newest)? {
            SavingTemplate::New(saved) => {
                tables.templates.entry(place).or_default().push(saved.clone());
                Ok(saved)
            }
            SavingTemplate::Unchanged(newest) => Ok(newest),
        }
    }

    async fn find_template(
        &self,
        scope: OrgScope,
        key: &str,
        version: Option<u32>,
    ) -> Result<Option<SavedTemplate>, StoreError> {
        let tables = self.tables();
        let found = tables.templates_of(scope).find(|versions| versions.iter().any(|saved| saved.named.key == key));
        let found = found.and_then(|versions| match version {
            Some(version) => versions.iter().find(|saved| saved.named.version == version),
            None => versions.last(),
        });
        Ok(found.cloned())
    }

    async fn list_templates(
        &self,
        scope: OrgScope,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Listed<SavedTemplate>, StoreError> {
        let tables = self.tables();
        let mut visible: Vec<_> = tables.templates_of(scope).filter_map(|versions| versions.last().cloned()).collect();
        visible.sort_by(|one, other| one.named.key.cmp(&other.named.key));
        let rest = visible.into_iter().filter(|saved| after.is_none_or(|after| saved.named.key.as_str() > after));
        Ok(listed(rest, limit, |saved| size_of_text(&saved.document)))
    }

    async fn count_templates(&self, scope: OrgScope) -> Result<u64, StoreError> {
        Ok(self.tables().templates_of(scope).count() as u64)
    }

    async fn users_of_template(&self, scope: OrgScope, owner: Owner, key: &str) -> Result<Vec<JobUse>, StoreError> {
        Ok(self.tables().users_of_template(holder(scope, owner), key))
    }

    async fn remove_template(&self, scope: OrgScope, owner: Owner, key: &str) -> Result<(), RemoveTemplateError> {
        let place = (holder(scope, owner), key.to_owned());
        let mut tables = self.tables();
        if !tables.templates.contains_key(&place) {
            return Err(RemoveTemplateError::Absent);
        }
        let users = tables.users_of_template(place.0, key);
        if !users.is_empty() {
            return Err(RemoveTemplateError::InUse(users));
        }
        tables.templates.remove(&place);
        Ok(())
    }
}

impl Tables {
    /// All versions of each template that the organization's jobs may use.
    fn templates_of(&self, scope: OrgScope) -> impl Iterator<Item = &Vec<SavedTemplate>> {
        let visible = move |holder: Holder| holder.is_none_or(|organization| organization == scope.organization());
        self.templates.iter().filter(move |((holder, _), _)| visible(*holder)).map(|(_, versions)| versions)
    }

    fn users_of_template(&self, holder: Holder, key: &str) -> Vec<JobUse> {
        self.users(holder, |saved| named_in(&saved.document).contains(key))
    }
}
