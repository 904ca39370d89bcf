//! Templates of the down page: parsing and rendering, without I/O.
//!
//! The language is that of [`minijinja`], without the statements that need a second file (`include`, `extends`, `import`,
//! `block`).

mod engine;
mod error;
mod filters;
mod guard;
mod help;
mod nesting;
mod repetition;
mod trials;
mod values;

use std::collections::HashSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};

use self::engine::{environment, evaluate};
pub use self::error::TemplateError;
use self::trials::trials;
use super::brand::{Brand, Logo};
use super::cause::{Answers, Cause};
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

/// The most bytes of a page. A template and a logo, of 1 MiB each, are less.
const MAX_PAGE: usize = 4 << 20;

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
        repetition::check(source)?;
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
        let render = || {
            let template = self.0.environment.get_template(NAME)?;
            evaluate(&template, &self.0.environment, self.context(variables))
        };
        // The engine is known to panic: `loop.cycle()` without an argument.
        let page = catch_unwind(AssertUnwindSafe(render)).map_err(|_| TemplateError::panic())?;
        let page = page.map_err(|error| TemplateError::from_engine(&error))?;
        if page.len() > MAX_PAGE { Err(TemplateError::long_page()) } else { Ok(page) }
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
    fn a_long_page_is_refused() {
        let page = |count| format!("{{% for i in range({count}) %}}{}{{% endfor %}}", "a".repeat(1024));
        assert!(Template::parse(&page(MAX_PAGE / 1024)).is_ok());
        let error = Template::parse(&page(MAX_PAGE / 1024 + 1)).unwrap_err();
        assert_eq!(error.message, "the page is longer than 4 MiB");
    }

    #[test]
    fn shipped_templates_are_far_from_the_limits() {
        for source in [
            BUILT_IN,
            include_str!("../../templates/minimal.html"),
            include_str!("../../templates/terminal.html"),
        ] {
            let mut environment = environment();
            environment.add_template(NAME, source).unwrap();
            environment.set_fuel(Some(engine::FUEL / 100));
            let template = Template::new(environment, false);
            trials(|variables| template.render(variables).map(drop)).unwrap();
        }
    }

    #[test]
    fn the_documents_name_the_limits() {
        let document = include_str!("../../docs/templates.md");
        for row in [
            format!("| the page | {} MiB |", MAX_PAGE >> 20),
            format!("| lists and maps within one another | {} |", values::MAX_NESTING),
            format!(
                "| a list or map, with all that is in it | {} values, and {} MiB of text |",
                values::MAX_ITEMS,
                values::MAX_TEXT >> 20
            ),
            format!("| calls of macros within one another | {} |", engine::MAX_RECURSION / 4),
            format!(
                "| steps, which are about one for each name, value and operator, and for each 64 bytes of text | {} |",
                engine::FUEL
            ),
            format!("| names, values and operators in a tag | {} |", nesting::MAX_TOKENS),
            format!("| brackets within one another | {} |", nesting::MAX_DEPTH),
            format!("| tags with `elif` | {} |", nesting::MAX_ELIFS),
        ] {
            assert!(document.contains(&row), "{row}");
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
