//! Templates of the down page: parsing and rendering, without I/O.
//!
//! The language is that of [`minijinja`], without the statements that need a second file (`include`, `extends`, `import`,
//! `block`).

mod error;
mod filters;
mod nesting;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use jiff::Timestamp;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value, context};

pub use self::error::TemplateError;
use super::brand::{Accent, Brand, Logo};
use super::cause::{Answers, Cause};
use super::environment::html_environment;
use super::language::Language;

/// The variables that a template may use.
pub const VARIABLES: [&str; 15] = [
    "message",
    "until",
    "start",
    "retry_after",
    "status",
    "cause",
    "answers",
    "lang",
    "dir",
    "words",
    "title",
    "logo",
    "accent",
    "contact",
    "return_script",
];
/// Those that differ between languages, besides the message.
const TRANSLATED: [&str; 3] = ["lang", "dir", "words"];

const BUILT_IN: &str = include_str!("../../templates/downtime.html");

/// The name of the only template of each environment. Nobody sees it.
const NAME: &str = "template";

/// The limit for one rendering in [`minijinja`]'s units: a unit is an instruction, or 64 bytes of text. A 10 MB page with
/// thousands of loops stays below it, and an unbounded loop is stopped within a second.
const FUEL: u64 = 1_000_000;

/// A valid template: it parses, has no unknown variable, and renders in each of its cases.
///
/// All values are HTML-escaped. A clone is cheap.
#[derive(Clone)]
pub struct Template(Arc<Compiled>);

struct Compiled {
    environment: Environment<'static>,
    names: HashSet<String>,
    built_in: bool,
}

/// The values that a template is rendered with. In a template, `none` stands for a missing one, and prints as nothing.
#[derive(Debug, Clone)]
pub struct Variables<'a> {
    /// The message for visitors.
    pub message: Option<&'a str>,
    /// The announced end, RFC 3339 in UTC; `none` if unknown.
    pub until: Option<Timestamp>,
    /// The start of the downtime, RFC 3339 in UTC; `none` if no period is active.
    pub start: Option<Timestamp>,
    /// The value of `Retry-After`, in whole seconds.
    pub retry_after: u64,
    /// The response's status code.
    pub status: u16,
    /// The reason.
    pub cause: Cause,
    /// The kind of request that is answered.
    pub answers: Answers,
    /// The language: `lang`, `dir` and `words`.
    pub language: Language,
    /// `title`, `logo`, `accent` and `contact`.
    pub brand: &'a Brand,
    /// A script element.
    pub return_script: String,
}

impl Template {
    /// Parses `source`, and renders it with every combination of present and missing values and of causes, so that no visitor
    /// meets an error in one of these branches. A blank template is an error, because a failed write leaves one.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        if source.trim().is_empty() {
            return Err(TemplateError::blank());
        }
        nesting::check(source)?;
        let mut environment = environment();
        let added = environment.add_template_owned(NAME, source.to_owned());
        added.map_err(|error| TemplateError::from_engine(&error))?;
        let template = Self::new(environment, false);
        template.check_names(source)?;
        trials(|variables| template.render(variables).map(drop))?;
        Ok(template)
    }

    /// Returns the template of the page that is shown if the configuration names none.
    pub fn built_in() -> Self {
        static TEMPLATE: LazyLock<Template> = LazyLock::new(|| {
            let mut environment = environment();
            // If this failed, `render` would return the error; a test proves that it does not.
            environment.add_template(NAME, BUILT_IN).ok();
            Template::new(environment, true)
        });
        TEMPLATE.clone()
    }

    /// Returns true if this is [`Template::built_in`].
    pub fn is_built_in(&self) -> bool {
        self.0.built_in
    }

    /// Renders the page.
    pub fn render(&self, variables: &Variables) -> Result<String, TemplateError> {
        let template = self.0.environment.get_template(NAME);
        template
            .and_then(|template| template.render(self.context(variables)))
            .map_err(|error| TemplateError::from_engine(&error))
    }

    fn context(&self, variables: &Variables) -> Value {
        let Variables { message, retry_after, status, brand, language, .. } = *variables;
        let [until, start] = [variables.until, variables.start].map(|time| time.map(|time| time.to_string()));
        context! {
            message, until, start, retry_after, status,
            cause => variables.cause.as_str(),
            answers => variables.answers.as_str(),
            lang => language.tag(),
            dir => language.words().dir,
            words => Value::from(Serde(language.words())),
            title => brand.title.as_deref(),
            logo => brand.logo.as_ref().filter(|_| self.mentions("logo")).map(Logo::data_url),
            accent => brand.accent.as_ref().map(|accent| Value::from(Serde(accent))),
            contact => brand.contact.as_deref(),
            return_script => Value::from_safe_string(variables.return_script.clone()),
        }
    }

    /// Returns true if the language of the page follows the visitor's.
    pub fn is_translated(&self) -> bool {
        self.is_built_in() || TRANSLATED.iter().any(|variable| self.mentions(variable))
    }

    /// Returns true if the rendered text may depend on `variable`.
    pub fn mentions(&self, variable: &str) -> bool {
        self.0.names.contains(variable)
    }

    fn new(environment: Environment<'static>, built_in: bool) -> Self {
        let template = environment.get_template(NAME);
        let names = template.map(|template| template.undeclared_variables(false)).unwrap_or_default();
        Self(Arc::new(Compiled { environment, names, built_in }))
    }

    /// Finds unknown variables, also in branches that no trial reaches, such as `{% if status == 500 %}`.
    fn check_names(&self, source: &str) -> Result<(), TemplateError> {
        let globals: HashSet<&str> = self.0.environment.globals().map(|(name, _)| name).collect();
        let known = |name: &str| VARIABLES.contains(&name) || globals.contains(name);
        let unknown = self.0.names.iter().filter(|name| !known(name));
        let located = unknown.map(|name| (position(source, name), name));
        match located.min_by_key(|(position, name)| (position.unwrap_or(usize::MAX), *name)) {
            Some((position, name)) => Err(TemplateError::unknown_variable(name, position, source)),
            None => Ok(()),
        }
    }
}

/// Two templates are equal if one is a clone of the other.
impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").field("built_in", &self.0.built_in).finish_non_exhaustive()
    }
}

fn environment() -> Environment<'static> {
    let mut environment = html_environment();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_debug(true);
    filters::add(&mut environment);
    // `debug` prints all variables, and `mentions` cannot know.
    environment.remove_global("debug");
    environment
}

/// Calls `try_with` with each combination of values that templates branch on, until it returns an error.
fn trials<E>(mut try_with: impl FnMut(&Variables) -> Result<(), E>) -> Result<(), E> {
    let full = Brand {
        title: Some("Example".into()),
        logo: Some(Logo { media_type: "image/png", bytes: Bytes::new() }),
        accent: Some(Accent { light: "#000000".into(), dark: "#ffffff".into() }),
        contact: Some("https://status.example.com/".into()),
    };
    let none = Brand::default();
    let kinds = [
        (Cause::Planned, Answers::Safe),
        (Cause::Unscheduled, Answers::NotSaved),
        (Cause::Unreachable, Answers::Unknown),
    ];
    for case in 0_u8..16 {
        let is_set = |bit: u8| case & bit != 0;
        let time = |bit: u8| is_set(bit).then_some(Timestamp::UNIX_EPOCH);
        for (cause, answers) in kinds {
            try_with(&Variables {
                message: is_set(4).then_some("We'll be back soon."),
                until: time(1),
                start: time(2),
                retry_after: 300,
                status: 503,
                cause,
                answers,
                language: Language::ENGLISH,
                brand: if is_set(8) { &full } else { &none },
                return_script: "<script></script>".to_owned(),
            })?;
        }
    }
    Ok(())
}

/// Returns the first position of `name` as a whole word inside of `{{ }}` or `{% %}`, or else anywhere.
fn position(source: &str, name: &str) -> Option<usize> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let in_tag = |before: &str| {
        let opened = before.rfind("{{").max(before.rfind("{%"));
        opened > before.rfind("}}").max(before.rfind("%}"))
    };
    let words = source.match_indices(name).filter_map(|(start, _)| {
        let (before, after) = (source.get(..start)?, source.get(start + name.len()..)?);
        let alone = !before.ends_with(is_word) && !before.ends_with('.') && !after.starts_with(is_word);
        alone.then_some((start, in_tag(before)))
    });
    let mut words = words.peekable();
    let first = words.peek().map(|(start, _)| *start);
    words.find_map(|(start, in_tag)| in_tag.then_some(start)).or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(brand: &Brand) -> Variables<'_> {
        Variables {
            message: Some("<script>alert(1)</script> & \"more\""),
            until: Some(Timestamp::UNIX_EPOCH),
            start: None,
            retry_after: 90,
            status: 503,
            cause: Cause::Planned,
            answers: Answers::Safe,
            language: Language::ENGLISH,
            brand,
            return_script: "<script>1</script>".to_owned(),
        }
    }

    #[test]
    fn variables_are_rendered_and_escaped() {
        for (source, rendered) in [
            ("{{ message }}", "&lt;script&gt;alert(1)&lt;&#x2f;script&gt; &amp; &quot;more&quot;"),
            ("{{ until }}", "1970-01-01T00:00:00Z"),
            ("{{ start }}", ""),
            ("{% if start %}yes{% else %}no{% endif %}", "no"),
            ("{{ start or 'soon' }}", "soon"),
            ("{{ retry_after }} {{ status }}", "90 503"),
            ("{% set minutes = retry_after // 60 %}{{ minutes }}", "1"),
            ("{% for n in range(3) %}{{ n }}{{ loop.last }} {% endfor %}", "0False 1False 2True "),
            ("{{ cause }} {{ answers }} {{ lang }} {{ dir }} {{ title }}", "planned safe en ltr "),
            ("{{ words.try_now }}", "Try now"),
            ("{{ return_script }}", "<script>1</script>"),
            (
                "{{ until|local_time }}",
                "<time datetime=\"1970-01-01T00:00:00Z\" dir=\"auto\" data-local>1970-01-01 00:00 UTC</time>",
            ),
            ("{{ start|local_time }}", ""),
            (
                "{{ \"<b> see https://a.example/?x=1&y=(2).\"|links }}",
                "&lt;b&gt; see <a href=\"https:&#x2f;&#x2f;a.example&#x2f;?x=1&amp;y=(2)\" rel=\"noreferrer\">https:&#x2f;&#x2f;a.example&#x2f;?x=1&amp;y=(2)</a>.",
            ),
            ("{{ none|links }}", ""),
            ("{% macro bold(text) %}<b>{{ text }}</b>{% endmacro %}{{ bold('<') }}", "<b>&lt;</b>"),
            ("<p>Gr\u{fc}\u{df}e</p>\r\n{# unseen #}", "<p>Gr\u{fc}\u{df}e</p>\r\n"),
        ] {
            let template = Template::parse(source).unwrap_or_else(|error| panic!("{source}: {error}"));
            assert_eq!(template.render(&values(&Brand::default())).unwrap(), rendered, "{source}");
        }
    }

    #[test]
    fn an_error_in_any_branch_is_found_with_its_position() {
        for (source, message, spanned, line) in [
            ("{{ mesage }}", "unknown variable `mesage`", "mesage", 1),
            ("\n{% if not until %}{{ untill }}{% endif %}", "unknown variable `untill`", "untill", 2),
            ("{% if status == 599 %}{{ when }}{% endif %}", "unknown variable `when`", "when", 1),
            ("when? {{ until.when }} {{ when }}", "unknown variable `when`", "when", 1),
            ("{{ nope is defined }}", "unknown variable `nope`", "nope", 1),
            ("{{ debug() }}", "unknown variable `debug`", "debug", 1),
            ("a\nb {{ status", "syntax error", "", 2),
            ("{% if start and message %}{{ start + 1 }}{% endif %}", "invalid operation", "start + 1", 1),
            ("{{ until|nofilter }}", "unknown filter", "nofilter", 1),
            (
                "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
                "too much work",
                "",
                1,
            ),
            ("{{ 'x' * 999999999 }}", "too much work", "", 1),
            ("{% include 'other.html' %}", "unknown statement include", "include", 1),
            ("{% extends 'other.html' %}", "unknown statement extends", "extends", 1),
            ("{% import 'other.html' as x %}", "unknown statement import", "import", 1),
        ] {
            let error = Template::parse(source).expect_err(source);
            assert!(error.message.contains(message), "{source}: {error:?}");
            let found = error.span.clone().and_then(|span| source.get(span)).unwrap_or_default();
            assert!(found.contains(spanned), "{source}: {error:?} is at {found:?}");
            assert_eq!(error.line, Some(line), "{source}: {error:?}");
        }
    }

    #[test]
    fn an_unknown_variable_gets_a_suggestion_and_the_list() {
        for (source, start) in [
            ("{{ mesage }}", "did you mean `message`? the variables are `message`, `until`, "),
            ("{{ retryafter }}", "did you mean `retry_after`?"),
            (
                "{{ xyz }}",
                "the variables are `message`, `until`, `start`, `retry_after`, `status`, `cause`, ",
            ),
            ("{% include 'x' %}", "a template is a single file"),
            ("", "write a page into it, or restore it from a backup"),
            (" \n", "write a page into it, or restore it from a backup"),
        ] {
            let help = Template::parse(source).unwrap_err().help.unwrap_or_default();
            assert!(help.starts_with(start), "{source}: {help}");
        }
    }

    #[test]
    fn a_template_mentions_only_the_variables_that_it_uses() {
        let template = Template::parse("message {# until #}{% if start %}{{ status }}{% endif %}").unwrap();
        for (name, used) in
            [("message", false), ("until", false), ("start", true), ("status", true), ("retry_after", false)]
        {
            assert_eq!(template.mentions(name), used, "{name}");
        }
    }

    #[test]
    fn the_built_in_template_is_valid_and_small() {
        Template::parse(BUILT_IN).unwrap();
        let page = Template::built_in().render(&values(&Brand::default())).unwrap();
        // A server's first packets (RFC 6928) have room for so much.
        let length = super::super::compression::gzip(&super::super::parts::compress(&page).unwrap()).len();
        assert!(length < 14 * 1024, "{length} bytes");
        assert!(page.contains("alert(1)") && !page.contains("<script>alert"), "{page}");
        assert!(!Template::built_in().mentions("retry_after"), "then it can be rendered once");
    }
}
