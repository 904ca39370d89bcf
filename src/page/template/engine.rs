//! [`minijinja`] as templates use it: its settings, its limits, and what it must not do.

use minijinja::{Environment, UndefinedBehavior, Value, machinery};

use super::{filters, guard, values};
use crate::page::environment::html_environment;

/// The limit for one rendering in [`minijinja`]'s units: a unit is an instruction, or 64 bytes of text. The shipped templates need
/// less than 400. An unbounded loop is stopped within a second, and texts take 16 MB at most, before they are escaped.
pub(super) const FUEL: u64 = 250_000;

/// How deep calls of macros and loops may be nested, in [`minijinja`]'s units: a call of a macro is 4, a block that is open is 1.
/// Its own limit needs more than half of a thread's stack, without optimization.
pub(super) const MAX_RECURSION: usize = 200;

/// Returns an environment without templates.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = html_environment();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(MAX_RECURSION);
    environment.set_debug(true);
    filters::add(&mut environment);
    values::add_filters(&mut environment);
    // `debug` prints all variables, and `mentions` cannot know.
    environment.remove_global("debug");
    environment
}

/// Renders a template of the environment, with a check of all values that it makes.
pub(super) fn evaluate<'e>(
    template: &minijinja::Template<'e, 'e>,
    environment: &'e Environment<'e>,
    values: Value,
) -> Result<String, minijinja::Error> {
    let compiled = machinery::get_compiled_template(template);
    let instructions = guard::guarded(&compiled.instructions);
    let mut page = String::with_capacity(compiled.buffer_size_hint);
    let mut output = machinery::make_string_output(&mut page);
    let escape = compiled.initial_auto_escape.clone();
    machinery::eval(environment, &instructions, values, &compiled.blocks, &mut output, escape)?;
    Ok(page)
}
