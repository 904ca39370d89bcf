//! The engine of all templates.

use minijinja::{AutoEscape, Environment, escape_formatter};

/// Returns an engine without templates that escapes all values for HTML, whatever a template's name is. It prints a missing value
/// as nothing: a template without `if` must not show the word "None".
pub fn html_environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(
        |out, state, value| {
            if value.is_none() { Ok(()) } else { escape_formatter(out, state, value) }
        },
    );
    environment
}
