//! The work of a filter line: its own definition and the template that it uses.

use std::sync::{Arc, OnceLock};

use chrono_tz::Tz;
use serde_json::{Map, Value, json};
use values::template::{Context, Variable};

use super::ActionWork;
use crate::model::catalogue::{Catalogue, Choice};
use crate::model::fault::{Fault, field};
use crate::model::filter::{Filter, lines_named};
use crate::model::filter_template::{FilterTemplate, Templates, closed, conflict, join};
use crate::model::source::LineRef;
use crate::model::template::{Template, is_templated};
use crate::model::template_version::TemplateVersion;
use crate::model::variables::Names;

/// The action that runs the script of a filter.
const SCRIPT_ACTION: &str = "js/keep";

/// What a filter line does.
#[derive(Debug)]
pub struct FilterWork {
    /// The line's own definition.
    own: Template,
    template: Option<TemplateUse>,
    /// The definition, if it has no placeholder and uses no template.
    pub(super) constant: Option<Arc<Value>>,
    /// The filter that a constant definition means, in the zone in which it was first read.
    read: OnceLock<(Tz, Arc<Filter>)>,
    /// The lines whose sets it reads, each with the path of the value that names it.
    pub lines: Vec<(String, LineRef)>,
    /// The action that runs a predicate in JavaScript on each record that meets the criteria, and its
    /// parameters.
    pub script: Option<Box<(ActionWork, Arc<Value>)>>,
}

/// The template that a line uses, with the values for it.
#[derive(Debug)]
struct TemplateUse {
    template: Arc<FilterTemplate>,
    values: Template,
}

impl FilterWork {
    /// Reads the `filter` of a line.
    ///
    /// # Errors
    /// Every fault, with its path below `path`.
    pub(super) fn read(written: &Value, path: &str, catalogue: (&Catalogue, Choice<'_>)) -> Result<Self, Vec<Fault>> {
        let mut own = written.clone();
        if let Some(fields) = own.as_object_mut() {
            fields.retain(|name, _| name != "template" && name != "values");
        }
        let mut faults = Filter::check(&own, path);
        let template =
            TemplateUse::read(written, &own, path, catalogue.0.templates()).map_err(|more| faults.extend(more));
        let parsed = Template::parse(&closed(&own), path, |name| name == "script");
        let parsed = parsed.map_err(|more| faults.extend(more));
        let script = own.get("script").map(|script| read_script(script, path, catalogue).map(Box::new)).transpose();
        let script = script.map_err(|more| faults.extend(more));
        match (template, parsed, script) {
            (Ok(template), Ok(parsed), Ok(script)) if faults.is_empty() => {
                let mut lines = lines_named(&own, path);
                lines.extend(template.iter().flat_map(|used| used.lines(path)));
                let constant = if template.is_none() { parsed.constant().map(Arc::new) } else { None };
                Ok(Self { own: parsed, template, constant, read: OnceLock::new(), lines, script })
            }
            _ => Err(faults),
        }
    }

    /// The version of the template that it uses.
    pub fn template(&self) -> Option<&TemplateVersion> {
        self.template.as_ref().map(|used| &used.template.named)
    }

    /// Every variable that is used when it is rendered, except the values of its template.
    pub(super) fn variables(&self, path: &str) -> Vec<(String, Variable)> {
        let mut all = self.own.variables(path);
        if let Some(used) = &self.template {
            all.extend(used.values.variables(&field(path, "values")));
            all.extend(used.template.variables());
        }
        all
    }

    /// A fault for every unknown variable. Those of the template are checked here too, because the
    /// arguments and lines are those of this job.
    pub(super) fn faults_of_names(&self, names: &Names<'_>, path: &str) -> Vec<Fault> {
        let mut faults = names.faults(self.own.variables(path));
        if let Some(used) = &self.template {
            faults.extend(names.faults(used.values.variables(&field(path, "values"))));
            let of_template = names.faults(used.template.variables()).into_iter();
            faults.extend(of_template.map(|fault| used.template.at_use(fault, path)));
        }
        faults
    }

    /// The filter that its constant definition means, if it was read before in this zone.
    pub fn known_filter(&self, zone: Tz) -> Option<Arc<Filter>> {
        self.read.get().filter(|(of, _)| *of == zone).map(|(_, filter)| Arc::clone(filter))
    }

    /// Keeps the filter that a rendered definition means, if the definition is constant.
    pub fn keep_filter(&self, zone: Tz, filter: &Arc<Filter>) {
        if self.constant.is_some() {
            self.read.get_or_init(|| (zone, Arc::clone(filter)));
        }
    }

    /// Renders the definition with these variables and joins it with that of the template.
    ///
    /// # Errors
    /// Texts that cannot be rendered, and values that do not fit the template.
    pub(super) fn render(&self, variables: &Context, path: &str) -> Result<Value, Vec<Fault>> {
        let own = self.own.render(variables, path).map_err(|fault| vec![fault])?;
        let Some(used) = &self.template else { return Ok(own) };
        let values = used.values.render(variables, &field(path, "values")).map_err(|fault| vec![fault])?;
        let values = values.as_object().cloned().unwrap_or_default();
        Ok(join(used.template.render(variables, values, path)?, own))
    }
}

impl TemplateUse {
    fn read(written: &Value, own: &Value, path: &str, templates: &Templates) -> Result<Option<Self>, Vec<Fault>> {
        let fault = |name: &str, message: String| vec![Fault::at(field(path, name), message)];
        let Some(key) = written.get("template").and_then(Value::as_str) else {
            return match written.get("values") {
                Some(_) => Err(fault("values", "belong to a filter template; name it with `template`".to_owned())),
                None => Ok(None),
            };
        };
        if is_templated(key) {
            let message = "must be a key and not a placeholder, because templates are looked up when the job is saved";
            return Err(fault("template", message.to_owned()));
        }
        let template = templates.find(key).map_err(|message| fault("template", message))?;
        let written = written.get("values").and_then(Value::as_object).cloned().unwrap_or_default();
        let place = field(path, "values");
        let mut faults: Vec<_> = conflict(template.written(), own, path).into_iter().collect();
        faults.extend(template.faults_of_values(&written, &place));
        match Template::parse(&Value::Object(written), &place, |_| false) {
            Ok(values) if faults.is_empty() => {
                let used = Self { template: Arc::clone(template), values };
                used.rehearse(path).map(|()| Some(used))
            }
            values => {
                faults.extend(values.err().into_iter().flatten());
                Err(faults)
            }
        }
    }

    /// The lines whose sets the template reads.
    fn lines(&self, path: &str) -> impl Iterator<Item = (String, LineRef)> {
        let place = field(path, "template");
        lines_named(self.template.written(), "").into_iter().map(move |(_, line)| (place.clone(), line))
    }

    /// Renders the template when the job is saved, if no variables are needed for that, to find faults
    /// early.
    fn rehearse(&self, path: &str) -> Result<(), Vec<Fault>> {
        let Some(Value::Object(values)) = self.values.constant() else { return Ok(()) };
        if !self.template.variables().is_empty() {
            return Ok(());
        }
        let definition = self.template.render(&Context::null(), values, path)?;
        let at_use = |faults: Vec<Fault>| faults.into_iter().map(|fault| self.template.at_use(fault, path)).collect();
        Filter::read(&definition, "", Tz::UTC).map(drop).map_err(at_use)
    }
}

/// The action that runs the script, with the script as it was written.
fn read_script(
    script: &Value,
    path: &str,
    catalogue: (&Catalogue, Choice<'_>),
) -> Result<(ActionWork, Arc<Value>), Vec<Fault>> {
    let parameters = Map::from_iter([("script".to_owned(), script.clone())]);
    let written = json!({"parameters": parameters});
    Ok((ActionWork::read(SCRIPT_ACTION, &written, path, catalogue)?, Arc::new(Value::Object(parameters))))
}
