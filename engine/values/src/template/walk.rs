//! The walk over a parsed template. It refuses what is not supported, collects the variables, and
//! decides what handlebars would only decide when rendering.
//!
//! `{{date}}` could be a helper or a field. Every helper needs at least one value, so that a bare name is
//! always a variable. The walk rewrites it as `{{value date}}`, because the helper `value` handles
//! missing variables.

use std::collections::HashSet;

use handlebars::Template;
use handlebars::template::{BlockParam, HelperTemplate, Parameter, Subexpression, TemplateElement};

use super::helpers::{self, Form, VALUE};
use super::variables::{Reference, Scope, Variable};
use crate::{Fault, nearest};

/// What the walk finds.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) variables: Vec<Variable>,
    /// Whether any helper is called.
    pub(super) calls: bool,
}

/// Walks the whole template. `own` are the names of the helpers besides the standard ones.
pub(super) fn walk(template: &mut Template, own: &[String]) -> Result<Findings, Fault> {
    let mut walk = Walk { own, scopes: vec![Scope::root()], findings: Findings::default(), seen: HashSet::new() };
    walk.template(template)?;
    Ok(walk.findings)
}

/// The only expression of a template as a parameter, which has a value with a type.
pub(super) fn as_parameter(helper: &HelperTemplate) -> Parameter {
    match (&helper.name, &helper.params[..]) {
        (Parameter::Name(name), [only @ Parameter::Path(_)]) if name == VALUE => only.clone(),
        _ => Parameter::Subexpression(Subexpression::new(
            helper.name.clone(),
            helper.params.clone(),
            helper.hash.clone(),
        )),
    }
}

struct Walk<'a> {
    own: &'a [String],
    scopes: Vec<Scope>,
    findings: Findings,
    seen: HashSet<Variable>,
}

impl Walk<'_> {
    fn template(&mut self, template: &mut Template) -> Result<(), Fault> {
        let positions: Vec<_> = template.mapping.iter().map(|position| (position.0, position.1)).collect();
        for (index, element) in template.elements.iter_mut().enumerate() {
            let position = positions.get(index).copied();
            self.element(element).map_err(|fault| with_position(fault, position))?;
        }
        Ok(())
    }

    fn element(&mut self, element: &mut TemplateElement) -> Result<(), Fault> {
        match element {
            TemplateElement::RawString(_) | TemplateElement::Comment(_) => Ok(()),
            TemplateElement::Expression(helper) | TemplateElement::HtmlExpression(helper) => {
                bare_name(helper);
                self.call(helper, Form::Inline)
            }
            TemplateElement::HelperBlock(helper) => self.block(helper),
            TemplateElement::PartialExpression(_) | TemplateElement::PartialBlock(_) => {
                Err(Fault::new("Partials ({{> …}}) are not supported; write the text in place"))
            }
            TemplateElement::DecoratorExpression(_) | TemplateElement::DecoratorBlock(_) => {
                Err(Fault::new("Decorators ({{* …}}) are not supported"))
            }
            _ => Err(Fault::new("This kind of tag is not supported")),
        }
    }

    fn call(&mut self, helper: &mut HelperTemplate, form: Form) -> Result<(), Fault> {
        let name = helper.name.as_name().unwrap_or_default().to_owned();
        self.check_helper(&name, helper, form)?;
        self.findings.calls |= name != VALUE;
        let (least, optional) = helpers::demands(&name);
        if helper.params.len() < least {
            let values = if least == 1 { "1 value" } else { &format!("{least} values") };
            return Err(Fault::new(format!("The helper `{name}` needs {values}")));
        }
        let params = helper.params.iter_mut().enumerate();
        params.map(|(at, p)| (optional.covers(at), p)).try_for_each(|(o, p)| self.parameter(p, o))?;
        helper.hash.values_mut().try_for_each(|option| self.parameter(option, false))
    }

    fn check_helper(&self, name: &str, helper: &HelperTemplate, form: Form) -> Result<(), Fault> {
        let is_own = self.own.iter().any(|own| own == name);
        match helpers::forms(name) {
            None if is_own => Ok(()),
            Some(forms) if forms.allow(form) => Ok(()),
            Some(_) => Err(Fault::new(form.refusal(name))),
            None => Err(Fault::new(self.no_helper(name, helper, form))),
        }
    }

    fn no_helper(&self, name: &str, helper: &HelperTemplate, form: Form) -> String {
        let own = self.own.iter().map(String::as_str);
        let names = helpers::names().chain(own);
        let hint = match (nearest(name, names), form) {
            (Some(near), _) => format!("; did you mean `{near}`?"),
            (None, Form::Block) => format!("; to go through a list, write {{{{#each {name}}}}}"),
            (None, Form::Inline) => spaced(name, helper).map_or_else(String::new, |spaced| {
                format!("; if `{spaced}` is the name of a field, write {{{{[{spaced}]}}}}")
            }),
        };
        format!("There is no helper `{name}`{hint}")
    }

    fn parameter(&mut self, parameter: &mut Parameter, optional: bool) -> Result<(), Fault> {
        match parameter {
            Parameter::Path(_) => self.read(parameter, optional).map(drop),
            Parameter::Subexpression(inner) => {
                let TemplateElement::Expression(helper) = inner.element.as_mut() else {
                    return Err(Fault::new("This expression is not supported"));
                };
                // `(name)` is a variable in parentheses.
                if helper.params.is_empty() && helper.hash.is_empty() {
                    *parameter = helper.name.clone();
                    return self.parameter(parameter, optional);
                }
                self.call(helper, Form::Inline)
            }
            _ => Ok(()),
        }
    }

    /// Notes a variable and returns its path from the data itself, if it has one.
    fn read(&mut self, parameter: &Parameter, optional: bool) -> Result<Option<Vec<String>>, Fault> {
        let raw = parameter.as_name().unwrap_or_default();
        let resolved = Reference::parse(raw)
            .resolve(&self.scopes)
            .map_err(|()| Fault::new(format!("`{raw}` goes up more levels than there are blocks around it")))?;
        if let Some(path) = &resolved {
            let variable = Variable { path: path.clone(), optional };
            if self.seen.insert(variable.clone()) {
                self.findings.variables.push(variable);
            }
        }
        Ok(resolved)
    }

    fn block(&mut self, helper: &mut HelperTemplate) -> Result<(), Fault> {
        self.call(helper, Form::Block)?;
        let scope = self.scope_of(helper)?;
        let opened = scope.is_some();
        self.scopes.extend(scope);
        let body = helper.template.as_mut().map_or(Ok(()), |body| self.template(body));
        if opened {
            self.scopes.pop();
        }
        body?;
        helper.inverse.as_mut().map_or(Ok(()), |inverse| self.template(inverse))
    }

    /// The scope of the block, if it changes the meaning of names.
    fn scope_of(&mut self, helper: &HelperTemplate) -> Result<Option<Scope>, Fault> {
        let first = helper.params.first();
        let base = match (helper.name.as_name(), first) {
            (Some("with"), Some(path @ Parameter::Path(_))) => self.read(path, false)?,
            (Some("with" | "each"), _) => None,
            _ => return Ok(None),
        };
        let names = match &helper.block_param {
            Some(BlockParam::Single(item)) => vec![item],
            Some(BlockParam::Pair((item, key))) => vec![item, key],
            _ => Vec::new(),
        };
        let names = names.into_iter().filter_map(|name| name.as_name().map(str::to_owned));
        Ok(Some(Scope::block(base, names.collect())))
    }
}

/// A call such as `Airport Name` as one name with spaces, which may be meant instead.
fn spaced(name: &str, helper: &HelperTemplate) -> Option<String> {
    let word = |parameter: &Parameter| match parameter {
        Parameter::Path(_) => parameter.as_name().map(str::to_owned),
        Parameter::Subexpression(inner) => match inner.element.as_ref() {
            TemplateElement::Expression(inner) if inner.params.is_empty() => {
                inner.name.as_name().map(|name| format!("({name})"))
            }
            _ => None,
        },
        _ => None,
    };
    let words = helper.params.iter().map(word).collect::<Option<Vec<_>>>()?;
    helper.hash.is_empty().then(|| format!("{name} {}", words.join(" ")))
}

/// Rewrites `{{name}}` as `{{value name}}`, and `{{(call x)}}` as `{{call x}}`.
fn bare_name(helper: &mut HelperTemplate) {
    while helper.params.is_empty() && helper.hash.is_empty() {
        let Parameter::Subexpression(inner) = &helper.name else {
            helper.params = vec![helper.name.clone()];
            helper.name = Parameter::Name(VALUE.to_owned());
            return;
        };
        let TemplateElement::Expression(inner) = inner.element.as_ref() else {
            return;
        };
        *helper = inner.as_ref().clone();
    }
}

fn with_position(fault: Fault, position: Option<(usize, usize)>) -> Fault {
    match (fault.at, position) {
        (None, Some((line, column))) => Fault::at(fault.message, line, column),
        _ => fault,
    }
}
