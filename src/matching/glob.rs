//! Globs of paths, as exemptions and scopes write them.

use globset::{Candidate, Glob, GlobBuilder, GlobSet};

pub use crate::invalid_value::InvalidValue;
use crate::matching::path::{RequestPath, folded};

/// No path or glob of the file is longer, in bytes: the longest that most clients and servers take has 2,000 to 8,000,
/// and each `*` or `?` of a glob takes some 500 bytes of memory while it is compiled.
pub const MAX_PATH: usize = 1000;
/// No list of globs has more `*` and `?` in all.
pub const MAX_WILDCARDS: usize = 50_000;

/// A list of globs of paths: `*` and `?` stay within a segment, `**` is a segment of its own and crosses; `/admin/**`
/// covers `/admin` too.
#[derive(Clone, Debug, Default)]
pub struct PathGlobs {
    set: GlobSet,
    /// The text of each glob in the set, by its index in the list.
    texts: Vec<usize>,
}

impl PathGlobs {
    /// Compiles a list.
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, InvalidValue> {
        let mut set = GlobSet::builder();
        let mut indices = Vec::new();
        let texts: Vec<_> = texts.into_iter().collect();
        let wildcards: usize = texts.iter().map(|text| text.matches(['*', '?']).count()).sum();
        if wildcards > MAX_WILDCARDS {
            let message =
                format!("this list has {wildcards} `*` and `?`: at most {MAX_WILDCARDS} are allowed");
            return Err(InvalidValue::new(message, "write fewer globs; `/a/**` covers all below /a"));
        }
        for (index, text) in texts.into_iter().enumerate() {
            for glob in compile(text)? {
                set.add(glob);
                indices.push(index);
            }
        }
        let set = set.build().map_err(|_| {
            InvalidValue::new("the globs of this list are too large together", "write fewer or shorter ones")
        })?;
        Ok(Self { set, texts: indices })
    }

    /// Checks one text.
    pub fn check(text: &str) -> Result<(), InvalidValue> {
        compile(text).map(drop)
    }

    /// Whether a glob of the list matches a decoded path.
    pub fn covers(&self, path: &str) -> bool {
        self.set.is_match(path)
    }

    /// All globs of the list that a decoded path matches, by their indices, in order.
    pub fn find_all(&self, path: &str) -> Vec<usize> {
        let found = self.set.matches(path);
        let mut found: Vec<_> = found.iter().filter_map(|&glob| self.texts.get(glob)).copied().collect();
        found.dedup();
        found
    }

    /// The first glob of the list that a decoded path matches, by its index.
    pub fn find(&self, path: &str) -> Option<usize> {
        let candidate = Candidate::new(path);
        if !self.set.is_match_candidate(&candidate) {
            return None;
        }
        self.set.matches_candidate(&candidate).iter().filter_map(|&glob| self.texts.get(glob)).min().copied()
    }
}

/// Checks a text for a path as it is after percent-decoding.
pub(crate) fn check_path(text: &str) -> Result<(), InvalidValue> {
    if text.len() > MAX_PATH {
        return Err(too_long(text));
    }
    if let Some((_, rest)) = text.split_once("://") {
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let path = rest.find('/').map_or("/", |at| &rest[at..]);
        return Err(InvalidValue::new("this is a URL, where a path is expected", format!("write `{path}`")));
    }
    let several: Vec<_> = text.split([',', ';', ' ']).filter(|part| !part.is_empty()).collect();
    if several.len() > 1 && several.iter().all(|part| part.starts_with('/')) {
        let help = format!("write each in quotes: `\"{}\"`", several.join("\", \""));
        return Err(InvalidValue::new(format!("`{text}` is more than one path"), help));
    }
    let path = RequestPath::new(text);
    match path.canonical() {
        Some(decoded) if decoded == text => Ok(()),
        Some(decoded) => {
            Err(InvalidValue::new("paths are compared after percent-decoding", format!("write `{decoded}`")))
        }
        None if !text.starts_with('/') => Err(InvalidValue::new(
            format!("invalid path `{text}`: it does not begin with `/`"),
            from_a_slash(text),
        )),
        None => {
            let fault = path.fault().map_or(String::new(), |fault| fault.to_string());
            let folded = folded(text);
            let help = folded
                .map_or("write the path in its plain form, such as `/admin/login`".to_owned(), |path| {
                    format!("did you mean `{path}`?")
                });
            Err(InvalidValue::new(format!("no request can match `{text}`: it {fault}"), help))
        }
    }
}

/// What to write instead of a path that does not begin with a slash: only a plain one has surely lost it.
fn from_a_slash(text: &str) -> String {
    const EXAMPLE: &str = "write a path such as `/admin/login`";
    let plain = text.trim().trim_start_matches("./");
    if plain.starts_with('!') {
        return "there are no exceptions from a list: write only what it is to cover".to_owned();
    }
    let path = plain.split_whitespace().rfind(|word| word.starts_with('/')).map(str::to_owned);
    let path = path.or_else(|| (!plain.contains(char::is_whitespace)).then(|| format!("/{plain}")));
    let is_right = |path: &String| path.len() > 1 && check_path(path).is_ok();
    let Some(path) =
        path.and_then(|path| if is_right(&path) { Some(path) } else { folded(&path) }).filter(is_right)
    else {
        return EXAMPLE.to_owned();
    };
    match plain.split_once('/') {
        _ if plain == path => format!("write `{path}`"),
        Some((host, rest)) if !host.contains(char::is_whitespace) && host.contains('.') => {
            format!("did you mean `{path}` or `/{rest}`?")
        }
        _ if path.ends_with(plain) => format!("write `{path}`"),
        _ => format!("did you mean `{path}`?"),
    }
}

fn too_long(text: &str) -> InvalidValue {
    let message = format!("this path is {} bytes long: at most {MAX_PATH} are allowed", text.len());
    InvalidValue::new(message, "write a shorter one; `**` stands for any number of segments")
}

fn compile(text: &str) -> Result<Vec<Glob>, InvalidValue> {
    check_glob(text)?;
    let mut stem = text;
    while let Some(shorter) = stem.strip_suffix("/**") {
        stem = shorter;
    }
    let covers_stem = stem != text && !stem.is_empty();
    std::iter::once(text).chain(covers_stem.then_some(stem)).map(glob).collect()
}

fn check_glob(text: &str) -> Result<(), InvalidValue> {
    if text.len() <= MAX_PATH && !text.contains("://") {
        if is_expression(text) {
            let message = format!("`{text}` is a regular expression: paths are globs");
            return Err(InvalidValue::new(message, of_expression(text)));
        }
        if !text.starts_with('/') && text.starts_with('*') {
            let message = format!("invalid path `{text}`: it does not begin with `/`");
            return Err(InvalidValue::new(message, format!("write `{}`", from_the_root(text))));
        }
    }
    check_path(text)?;
    if let Some(special) = text.chars().find(|c| matches!(c, '[' | ']' | '{' | '}')) {
        let message = format!("`{special}` is not known in globs: only `*`, `?` and `**` are");
        let each = alternatives(text);
        let help = each.map_or("write one glob for each path that is meant".to_owned(), |globs| {
            format!("write one glob for each: `\"{}\"`", globs.join("\", \""))
        });
        return Err(InvalidValue::new(message, help));
    }
    if let Some(segment) = mixed_segment(text) {
        let message = format!("`**` must be a segment of its own, not a part of `{segment}`");
        return Err(InvalidValue::new(message, apart(text)));
    }
    Ok(())
}

/// The first segment that has a `**` and something else.
fn mixed_segment(text: &str) -> Option<&str> {
    text.split('/').find(|segment| segment.contains("**") && *segment != "**")
}

/// What to write instead of a glob with a `**` in a segment: the same with the `**` as a segment of its own.
fn apart(text: &str) -> String {
    let path = text.split_once('?').filter(|(_, query)| query.contains('=')).map_or(text, |(path, _)| path);
    let segment = |segment: &str| match segment.trim_start_matches('*') {
        "" if segment.len() > 1 => "**".to_owned(),
        rest if segment.starts_with("**") => format!("**/*{rest}"),
        _ if segment.ends_with("**") => format!("{}/**", segment.trim_end_matches('*')),
        _ => segment.to_owned(),
    };
    let glob = path.split('/').map(segment).collect::<Vec<_>>().join("/");
    if mixed_segment(&glob).is_none() && check_path(&glob).is_ok() {
        format!("did you mean `{glob}`?")
    } else {
        "write `/**/` between segments, `/**` at the end, or a single `*`".to_owned()
    }
}

/// A glob that begins with a `*`, from the root: `*` and `**` are all paths, `*.php` is at any depth.
fn from_the_root(text: &str) -> String {
    match text.trim_end_matches('/') {
        "*" | "**" | "*/*" => "/**".to_owned(),
        glob if glob.starts_with("**/") => format!("/{glob}"),
        glob => format!("/**/*{}", glob.trim_start_matches('*')),
    }
}

/// Whether a text has what regular expressions have and paths do not.
fn is_expression(text: &str) -> bool {
    text.starts_with(['^', '~'])
        || text.ends_with(".+")
        || text.contains(".*$")
        || text.contains("\\.")
        || text.contains("[^")
        || text.contains('(') && text.contains('|')
        || text.ends_with("(.*)")
}

/// The glob that a regular expression was meant to be, where that is plain.
fn of_expression(text: &str) -> String {
    const EXAMPLE: &str = "for example `/admin/**` for all below /admin, or `/**/*.php` for all that end so";
    let plain = text.trim_start_matches(['~', '*', ' ']);
    let (begins, ends) = (plain.starts_with('^'), plain.ends_with('$'));
    let plain = plain.trim_start_matches('^').trim_end_matches('$');
    let plain = plain.replace("\\.", ".").replace("\\/", "/").replace("[^/]+", "*").replace("[^/]*", "*");
    let all_below =
        ["/.*", "/.+", "/(.*)", "(/.*)?", "(/|$)", "/?.*"].iter().find_map(|end| plain.strip_suffix(end));
    let glob = match all_below {
        Some(stem) => format!("{stem}/**"),
        None if plain.starts_with(".*") => format!("/**/*{}", plain.trim_start_matches(".*")),
        None if begins && !ends => format!("{}/**", plain.trim_end_matches('/')),
        None if ends && !begins && plain.starts_with('.') => format!("/**/*{plain}"),
        None => plain,
    };
    let is_plain = !glob.contains(['(', ')', '|', '+', '^', '$', '\\', '[', '{']) && !glob.contains(".*");
    if is_plain && check_path(&glob).is_ok() { format!("did you mean `{glob}`?") } else { EXAMPLE.to_owned() }
}

/// The globs that one with `{a,b}` means in other programs.
fn alternatives(text: &str) -> Option<Vec<String>> {
    let (before, rest) = text.split_once('{')?;
    let (inner, after) = rest.split_once('}')?;
    let globs: Vec<_> = inner.split(',').map(|part| format!("{before}{part}{after}")).collect();
    let are_right = globs.len() > 1
        && globs.len() < 9
        && globs.iter().all(|glob| check_path(glob).is_ok() && !glob.contains(['[', ']', '{', '}']));
    are_right.then_some(globs)
}

fn glob(text: &str) -> Result<Glob, InvalidValue> {
    let mut builder = GlobBuilder::new(text);
    builder.literal_separator(true).backslash_escape(false);
    builder.build().map_err(|error| InvalidValue::new(error.kind().to_string(), "write a simpler glob"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_of_another_kind_is_answered_with_the_one_that_was_meant() {
        const EXAMPLE: &str = "write a path such as `/admin/login`";
        const REGEX: &str =
            "for example `/admin/**` for all below /admin, or `/**/*.php` for all that end so";
        for (text, help) in [
            ("admin/**", "write `/admin/**`"),
            ("./admin", "write `/admin`"),
            (" /admin", "write `/admin`"),
            ("", EXAMPLE),
            ("admin panel", EXAMPLE),
            ("= /admin", "did you mean `/admin`?"),
            ("location /admin/ {", "did you mean `/admin/`?"),
            ("shop.example.com/admin/**", "did you mean `/shop.example.com/admin/**` or `/admin/**`?"),
            ("!/admin/**", "there are no exceptions from a list: write only what it is to cover"),
            ("^/admin", "did you mean `/admin/**`?"),
            ("^/admin/", "did you mean `/admin/**`?"),
            ("^/admin$", "did you mean `/admin`?"),
            ("^/admin/.*$", "did you mean `/admin/**`?"),
            ("/admin/.+", "did you mean `/admin/**`?"),
            ("~ ^/admin", "did you mean `/admin/**`?"),
            ("~* \\.php$", "did you mean `/**/*.php`?"),
            ("^/(a|b)/", REGEX),
            ("/a/**, /b/**", "write each in quotes: `\"/a/**\", \"/b/**\"`"),
            ("/a /b", "write each in quotes: `\"/a\", \"/b\"`"),
            ("/**.css", "did you mean `/**/*.css`?"),
            ("/***", "did you mean `/**`?"),
            ("/admin**", "did you mean `/admin/**`?"),
            ("/admin/**?x=1", "did you mean `/admin/**`?"),
            ("/a**b", "write `/**/` between segments, `/**` at the end, or a single `*`"),
        ] {
            let fault = PathGlobs::check(text).unwrap_err();
            assert_eq!(fault.help, help, "{text}: {}", fault.message);
        }
    }
}
