//! Makes the exports of a component from a list of actions.

use std::cell::RefCell;
use std::marker::PhantomData;

use crate::bindings::exports::ropewalk::action::actions as wit;
use crate::{Action, Context, Failure, Intake, Outcome, Records};

/// Makes a module from a list of actions, which are types that implement [`Action`] or `Function`.
#[macro_export]
macro_rules! module {
    ($($action:ty),+ $(,)?) => {
        #[doc(hidden)]
        struct Table;

        impl $crate::Offer for Table {
            fn entries() -> Vec<$crate::Entry> {
                vec![$(<$action as $crate::Offered<_>>::entry()),+]
            }
        }

        type Module = $crate::Exported<Table>;
        $crate::bindings::export!(Module with_types_in $crate::bindings);
    };
}

/// The actions of a module.
pub trait Offer: 'static {
    /// The actions, in the order in which they are listed.
    fn entries() -> Vec<Entry>;
}

/// An entry of a module's list. `How` distinguishes the two traits of actions, so that the list
/// can name the types of both.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an action",
    note = "implement `ropewalk_sdk::Function` for it, or `ropewalk_sdk::Action` if it keeps something between batches"
)]
pub trait Offered<How> {
    /// The entry in the list.
    fn entry() -> Entry;
}

/// Marks an [`Action`] in a module's list.
pub enum General {}

impl<A: Action> Offered<General> for A {
    fn entry() -> Entry {
        Entry::of::<A>()
    }
}

/// One action without its type.
pub struct Entry {
    name: &'static str,
    spec: fn() -> wit::ActionSpec,
    open: fn(&str, &Context) -> Opened,
}

type Opened = Result<Box<dyn Running>, Failure>;

impl Entry {
    /// The entry of an action.
    pub fn of<A: Action>() -> Entry {
        Entry { name: A::NAME, spec: spec::<A>, open: open::<A> }
    }
}

fn spec<A: Action>() -> wit::ActionSpec {
    let schema = A::schema();
    wit::ActionSpec {
        name: A::NAME.to_owned(),
        title: if A::TITLE.is_empty() { title_of(A::NAME) } else { A::TITLE.to_owned() },
        summary: match A::SUMMARY {
            "" => schema["description"].as_str().unwrap_or_default().to_owned(),
            summary => summary.to_owned(),
        },
        parameters: schema.to_string(),
        intake: match A::INTAKE {
            Intake::Batches => wit::Intake::Batches,
            Intake::Whole => wit::Intake::Whole,
            Intake::Nothing => wit::Intake::None,
        },
    }
}

/// `Order check all` for `order.check-all`.
fn title_of(name: &str) -> String {
    let words = name.replace(['.', '-'], " ");
    let mut letters = words.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

fn open<A: Action>(parameters: &str, context: &Context) -> Opened {
    let parameters = serde_json::from_str(parameters)
        .map_err(|error| Failure::new(format!("The parameters do not fit the action \"{}\": {error}", A::NAME)))?;
    Ok(Box::new(A::open(parameters, context)?))
}

/// A line of any action.
trait Running {
    fn take(&mut self, records: Records) -> Result<Outcome, Failure>;
    fn close(&mut self) -> Result<Outcome, Failure>;
}

impl<A: Action> Running for A {
    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        Action::take(self, records)
    }

    fn close(&mut self) -> Result<Outcome, Failure> {
        Action::close(self)
    }
}

/// The exports of a module.
pub struct Exported<T>(PhantomData<T>);

impl<T: Offer> wit::Guest for Exported<T> {
    type Line = Line<T>;

    fn list() -> Vec<wit::ActionSpec> {
        T::entries().iter().map(|entry| (entry.spec)()).collect()
    }
}

/// A panic ends the line with a trap, which has no message. The log then says why and where it happened.
fn log_panics() {
    #[cfg(target_arch = "wasm32")]
    std::panic::set_hook(Box::new(|panic| crate::log::error(panic.to_string())));
}

/// One execution of one line, as the host sees it.
pub struct Line<T> {
    running: RefCell<Box<dyn Running>>,
    offer: PhantomData<T>,
}

impl<T: Offer> Line<T> {
    /// Begins a line with the named action.
    pub fn start(action: &str, parameters: &str, context: wit::Context) -> Result<Line<T>, Failure> {
        log_panics();
        let entries = T::entries();
        let entry = entries.iter().find(|entry| entry.name == action);
        let entry = entry.ok_or_else(|| {
            let names: Vec<&str> = entries.iter().map(|entry| entry.name).collect();
            Failure::new(format!("The module has no action \"{action}\"; it has {}", names.join(", ")))
        })?;
        let running = (entry.open)(parameters, &Context::read(context)?)?;
        Ok(Line { running: RefCell::new(running), offer: PhantomData })
    }
}

impl<T: Offer> wit::GuestLine for Line<T> {
    fn open(action: String, parameters: String, context: wit::Context) -> Result<wit::Line, wit::Failure> {
        Ok(wit::Line::new(Line::<T>::start(&action, &parameters, context)?))
    }

    fn take(&self, records: String) -> Result<wit::Outcome, wit::Failure> {
        let outcome = self.running.borrow_mut().take(Records::from_text(records))?;
        Ok(outcome.into())
    }

    fn close(&self) -> Result<wit::Outcome, wit::Failure> {
        Ok(self.running.borrow_mut().close()?.into())
    }
}
