//! Bounds of the lists and maps that a template makes while it is rendered.
//!
//! The engine bounds the work and the texts of a template, but not how deep its lists are nested, nor what they contain if one
//! is in another many times. Such a value would overflow the stack or fill the memory when the engine prints, compares or drops
//! it. So each list or map is checked when it is made, before anything else can use it: by the filters here, which
//! [`guarded`](super::guard::guarded) puts after each instruction that can make one.

use std::collections::BTreeMap;

use minijinja::value::{DynObject, ObjectRepr, Tuple, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::guard::{CALLED, COMPARED, MADE};

/// How deep lists and maps may be nested.
pub(super) const MAX_NESTING: usize = 50;
/// The most values in a list or map, with all that is in those.
pub(super) const MAX_ITEMS: usize = 10_000;
/// The most bytes of text in a list or map, with all that is in those.
pub(super) const MAX_TEXT: usize = 1 << 20;

/// The beginnings of the messages.
pub(super) const TOO_DEEP: &str = "the template nests more than";
pub(super) const TOO_LARGE: &str = "the template makes a list or map with more than";

/// This number of values that are looked at costs as much as an instruction.
const ITEMS_PER_FUEL: usize = 8;
/// The engine's unit for texts.
const BYTES_PER_FUEL: usize = 64;

/// Adds the filters that the guarded instructions use.
pub(super) fn add_filters(environment: &mut Environment<'_>) {
    environment.add_filter(MADE, |state: &State, value: &Value| check(state, value, Unknown::Copied));
    environment.add_filter(CALLED, |state: &State, value: &Value| check(state, value, Unknown::Kept));
    environment.add_filter(COMPARED, |state: &State, value: &Value| {
        let mut walk = Walk::new(Unknown::Kept);
        walk.visit(value, 0)?;
        state.consume_fuel(walk.fuel() + (walk.text / BYTES_PER_FUEL) as u64)?;
        Ok::<_, Error>(value.clone())
    });
}

/// What becomes of a map that is not the engine's usual one.
#[derive(Clone, Copy, PartialEq)]
enum Unknown {
    /// A map with what it contains now takes its place. Then no value changes, and none can contain itself.
    Copied,
    /// It remains, because it is a namespace, which has to.
    Kept,
}

/// Returns the value, or a list or map in the place of one that would be made again each time that it is used.
fn check(state: &State, value: &Value, unknown: Unknown) -> Result<Value, Error> {
    let mut walk = Walk::new(unknown);
    let replacement = walk.visit(value, 0)?;
    state.consume_fuel(walk.fuel())?;
    Ok(replacement.unwrap_or_else(|| value.clone()))
}

/// A walk through all that a value contains, which stops at the first bound.
struct Walk {
    /// For the value itself. Within it, all are copied.
    unknown: Unknown,
    items: usize,
    text: usize,
}

impl Walk {
    fn new(unknown: Unknown) -> Self {
        Self { unknown, items: 0, text: 0 }
    }

    fn fuel(&self) -> u64 {
        (self.items / ITEMS_PER_FUEL) as u64
    }

    /// Returns what takes the value's place, if it cannot remain. `depth` is the number of lists and maps around it.
    fn visit(&mut self, value: &Value, depth: usize) -> Result<Option<Value>, Error> {
        let Some(object) = value.as_object() else {
            if value.kind() == ValueKind::Invalid {
                return Err(Error::new(ErrorKind::InvalidOperation, value.to_string()));
            }
            if depth > 0 {
                self.text += value.as_bytes().map_or(0, <[u8]>::len);
            }
            return Ok(None);
        };
        if depth == MAX_NESTING {
            return Err(excess(format!("{TOO_DEEP} {MAX_NESTING} lists and maps")));
        }
        if let Some(list) = object.downcast_ref::<Vec<Value>>() {
            Ok(self.replaced(list, depth)?.map(Value::from))
        } else if let Some(tuple) = object.downcast_ref::<Tuple>() {
            let replaced = self.replaced(tuple, depth)?;
            Ok(replaced.map(|values| Value::from(Tuple::from(values))))
        } else {
            match object.repr() {
                _ if is_macro(object) => Ok(None),
                ObjectRepr::Map => self.map(object, depth),
                ObjectRepr::Seq | ObjectRepr::Iterable => self.sequence(object, depth),
                // A function.
                _ => Ok(None),
            }
        }
    }

    fn map(&mut self, object: &DynObject, depth: usize) -> Result<Option<Value>, Error> {
        let is_known = object.downcast_ref::<BTreeMap<Value, Value>>().is_some();
        let is_kept = is_known || depth == 0 && self.unknown == Unknown::Kept;
        let mut copy = BTreeMap::new();
        let mut is_changed = !is_kept;
        for (key, value) in object.try_iter_pairs().into_iter().flatten() {
            let (new_key, new_value) = (self.item(&key, depth)?, self.item(&value, depth)?);
            is_changed |= new_key.is_some() || new_value.is_some();
            copy.insert(new_key.unwrap_or(key), new_value.unwrap_or(value));
        }
        Ok((is_changed && (is_known || !is_kept)).then(|| Value::from_object(copy)))
    }

    /// Visits a sequence that makes its items when it is asked for them.
    fn sequence(&mut self, object: &DynObject, depth: usize) -> Result<Option<Value>, Error> {
        let items = object.try_iter().into_iter().flatten();
        if is_group(object) {
            for item in items {
                self.item(&item, depth)?;
            }
            return Ok(None);
        }
        let mut list = Vec::new();
        for item in items {
            let replacement = self.item(&item, depth)?;
            list.push(replacement.unwrap_or(item));
        }
        Ok(Some(Value::from(list)))
    }

    /// Visits items, and returns all of them if one cannot remain.
    fn replaced(&mut self, items: &[Value], depth: usize) -> Result<Option<Vec<Value>>, Error> {
        let mut list: Option<Vec<Value>> = None;
        for (at, item) in items.iter().enumerate() {
            if let Some(replacement) = self.item(item, depth)? {
                list.get_or_insert_with(|| items.to_vec())[at] = replacement;
            }
        }
        Ok(list)
    }

    fn item(&mut self, value: &Value, depth: usize) -> Result<Option<Value>, Error> {
        self.items += 1;
        let replacement = self.visit(value, depth + 1)?;
        if self.items > MAX_ITEMS {
            return Err(excess(format!("{TOO_LARGE} {MAX_ITEMS} values")));
        }
        if self.text > MAX_TEXT {
            return Err(excess(format!("{TOO_LARGE} {} KiB of text", MAX_TEXT >> 10)));
        }
        Ok(replacement)
    }
}

/// A macro looks like a map, and holds no values.
fn is_macro(object: &DynObject) -> bool {
    object.type_name().ends_with("::Macro")
}

/// A group of the filter `groupby` is a pair with names. A list would lack them.
fn is_group(object: &DynObject) -> bool {
    object.type_name().ends_with("::GroupTuple")
}

fn excess(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::super::{Template, TemplateError, environment};
    use super::*;

    fn parse(source: &str) -> Result<(), TemplateError> {
        Template::parse(source).map(drop)
    }

    fn message(source: &str) -> String {
        parse(source).expect_err(source).message
    }

    /// Sets `ns.x` to an expression with its former value, again and again.
    fn repeated(count: usize, first: &str, expression: &str) -> String {
        format!(
            "{{% set ns = namespace(x={first}) %}}{{% for i in range({count}) %}}{{% set ns.x = {expression} %}}{{% endfor %}}\
             {{{{ ns.x }}}}{{{{ ns.x ~ ns }}}}{{% if ns.x == [1] or ns.x in [[2]] %}}{{% endif %}}"
        )
    }

    #[test]
    fn lists_and_maps_are_nested_up_to_the_bound() {
        for (first, around) in [
            ("[]", "[ns.x]"),
            ("[]", "(ns.x,)"),
            ("[]", "{'a': ns.x}"),
            ("[]", "{ns.x: 1}"),
            ("[]", "dict(a=ns.x)"),
            ("[1]", "ns.x|batch(1)"),
            ("[1]", "[ns.x]|select|list"),
        ] {
            assert_eq!(parse(&repeated(MAX_NESTING - 1, first, around)), Ok(()), "{around}");
            for count in [MAX_NESTING, 9_000] {
                let found = message(&repeated(count, first, around));
                assert_eq!(found, "the template nests more than 50 lists and maps", "{around}");
            }
        }
        let sets = "{% set x = [x] %}".repeat(50_000);
        assert!(message(&format!("{{% set x = 1 %}}{sets}")).contains("more than 50 lists"));
        let brackets = format!("{{% set x = {}x{} %}}", "[".repeat(40), "]".repeat(40));
        assert!(message(&format!("{{% set x = 1 %}}{brackets}{brackets}")).contains("more than 50 lists"));
    }

    #[test]
    fn what_doubles_is_stopped() {
        for (first, expression) in [
            ("[1]", "[ns.x, ns.x]"),
            ("[1]", "ns.x + ns.x"),
            ("[1]", "ns.x * 2"),
            ("[1]", "{'a': ns.x, 'b': ns.x}"),
            ("[1]", "ns.x|zip(ns.x)"),
            ("[1]", "ns.x|chain(ns.x)"),
            ("['a' * 9999]", "[ns.x[0] ~ ns.x[0]]"),
        ] {
            let found = message(&repeated(64, first, expression));
            assert!(
                found.contains("more than 10000 values") || found.contains("1024 KiB"),
                "{expression}: {found}"
            );
        }
        for expression in
            ["ns.x ~ ns.x", "ns.x + ns.x", "ns.x * 2", "ns.x|replace('a', 'aa')", "ns.x|upper ~ ns.x"]
        {
            let found = message(&repeated(64, "'a'", expression));
            assert!(found.contains("1024 KiB") || found.contains("too much work"), "{expression}: {found}");
        }
        let sets = "{% set x = x ~ x %}".repeat(64);
        assert!(message(&format!("{{% set x = 'a' %}}{sets}")).contains("too much work"));
        // Nothing remains nothing.
        for expression in ["ns.x + ns.x", "ns.x|chain(ns.x)", "ns.x|zip(ns.x)|list"] {
            assert_eq!(parse(&repeated(64, "[]", expression)), Ok(()), "{expression}");
        }
    }

    #[test]
    fn the_number_of_values_and_the_length_of_their_texts_are_bounded() {
        assert_eq!(parse(&format!("{{{{ range({MAX_ITEMS})|length }}}}")), Ok(()));
        let found = message(&format!("{{{{ range({})|length }}}}", MAX_ITEMS + 1));
        assert_eq!(found, "the template makes a list or map with more than 10000 values");
        assert_eq!(parse(&format!("{{{{ ['a' * {MAX_TEXT}]|length }}}}")), Ok(()));
        let found = message(&format!("{{{{ ['a' * {}]|length }}}}", MAX_TEXT + 1));
        assert_eq!(found, "the template makes a list or map with more than 1024 KiB of text");
        // A namespace is bounded like a map.
        let fields = "{% set ns.a = text %}{% set ns.b = text %}{% set ns.c = text %}";
        let text = "{% set ns = namespace() %}{% set text = ['a' * 1000000] %}";
        assert!(message(&format!("{text}{fields}")).contains("1024 KiB"));
    }

    #[test]
    fn comparing_and_sorting_large_lists_is_work() {
        let lists = "{% set a = [range(4000)|list] %}{% set b = [range(4000)|list] %}";
        for expression in
            ["a == b", "a < b", "a is eq b", "a in b", "a != b == a", "(a + b)|sort", "(a + b)|min"]
        {
            let source = format!(
                "{lists}{{% for i in range(9999) %}}{{% if {expression} %}}{{% endif %}}{{% endfor %}}"
            );
            assert!(message(&source).contains("too much work"), "{expression}");
        }
    }

    #[test]
    fn nothing_can_contain_itself() {
        for source in [
            "{% set ns.x = ns %}{% set ns.x = ns %}{{ ns }}",
            "{% set ns.x = [ns] %}{{ ns }}{{ ns.x == [ns] }}{{ ns ~ ns }}",
            "{% set ns.x = ns|items %}{{ ns }}{{ ns.x|list }}",
            "{% set ns.x = ns|chain({'a': 1}) %}{{ ns }}",
            "{% for i in [1, 2] %}{% set ns.x = loop %}{% set ns.y = [loop, ns] %}{% endfor %}{{ ns }}",
        ] {
            assert_eq!(parse(&format!("{{% set ns = namespace(a=1) %}}{source}")), Ok(()), "{source}");
        }
    }

    #[test]
    fn macros_and_loops_cannot_call_themselves_without_end() {
        for source in [
            "{% macro m(x) %}{{ m([x]) }}{% endmacro %}{{ m(1) }}",
            "{% macro m(x) %}{{ m(x ~ x) }}{% endmacro %}{{ m('a') }}",
            "{% macro m() %}{% set x %}{{ m() }}{% endset %}{{ x }}{% endmacro %}{{ m() }}",
            "{% macro m(caller) %}{% call m() %}{{ m() }}{% endcall %}{% endmacro %}{{ m() }}",
            "{% for x in [1] recursive %}{{ loop([[x]]) }}{% endfor %}",
            "{% for x in [1] recursive %}{{ loop([[x, x], x]) }}{% endfor %}",
        ] {
            assert!(parse(source).is_err(), "{source}");
        }
    }

    #[test]
    fn a_panic_of_the_engine_is_an_error() {
        assert_eq!(message("{% for x in [1] %}{{ loop.cycle() }}{% endfor %}"), "the template engine failed");
    }

    #[test]
    fn the_checks_change_no_output() {
        for source in [
            "{% for item in [lang, status, none]|select %}{{ loop.index }}{{ loop.cycle('a', 'b') }}{{ item }}{% endfor %}",
            "{% set ns = namespace(sum=0, all=[]) %}{% for n in range(9) %}{% if n is odd %}{% set ns.sum = ns.sum + n %}\
             {% set ns.all = ns.all + [n] %}{% endif %}{% endfor %}{{ ns.sum }} {{ ns.all|join(', ') }} {{ ns.all[1:3] }}",
            "{{ {'de': 'a', 'en': 'b'}[lang] }}{{ ({'a': {'b': [1, 2]}}).a.b[1] }}",
            "{% for k, v in {'a': 1, 'b': 2}|items %}{{ k }}={{ v }}{% else %}none{% endfor %}",
            "{% for group in [{'k': 1, 'v': 2}, {'k': 1, 'v': 3}]|groupby('k') %}{{ group.grouper }}:\
             {{ group.list|map(attribute='v')|join('+') }} {{ group }}{% endfor %}",
            "{% macro a(x, y='-') %}{{ x }}{{ y }}{{ caller() if caller is defined else '' }}{% endmacro %}{{ a(1) }}{{ a(y=2, x=3) }}\
             {% set all = [a, a] %}{{ all[1](4) }}{% call a(5) %}<b>{% endcall %}",
            "{% for x in [1, [2, [3]]] recursive %}{{ loop(x) if x is iterable else x }};{% endfor %}",
            "{{ 'a' if status == 503 and lang in ['en'] or not lang else 'b' }}{{ 1 < status < 600 != 3 }}",
            "{% with a = (1, 2) %}{% set b, c = a %}{{ a }}{{ c }}{{ a == (1, 2) }}{% endwith %}",
            "{{ dict(a=1, b=[2])|dictsort }}{{ [3, 1, 2]|sort|reverse|list }}{{ ['a', 'A']|unique|list }}",
            "{% filter upper %}{{ lang }}{% endfilter %}{% set x %}<i>{% endset %}{{ x }}{{ x ~ '<' }}",
            "{{ [1, 2] + [3] }}{{ ([1] + [2])|length }}{{ (lang ~ 'x')[::-1] }}{{ range(3)|map('string')|list }}",
            "{{ 'a'|default('b') }}{{ ([]|first) is defined }}{{ words['a'] is defined }}{{ dict(**{'a': 1}) }}",
        ] {
            let mut environment = environment();
            environment.add_template("template", source).unwrap();
            let values = context! { lang => "en", status => 503, words => context! { b => 1 } };
            let plain = environment.get_template("template").unwrap().render(&values);
            let template = environment.get_template("template").unwrap();
            let checked = super::super::evaluate(&template, &environment, values);
            let plain = plain.unwrap_or_else(|error| panic!("{source}: {error}"));
            let checked = checked.unwrap_or_else(|error| panic!("{source}: {error}"));
            assert_eq!(checked, plain, "{source}");
        }
    }
}
