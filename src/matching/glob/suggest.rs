//! Suggestions for invalid paths and globs.

use super::check::check_path;
use crate::matching::path::canonicalize;

/// Suggests what to write instead of a path that does not begin with a slash.
pub(super) fn with_leading_slash(text: &str) -> String {
    const EXAMPLE: &str = "write a path such as `/admin/login`";
    let plain = text.trim().trim_start_matches("./");
    if plain.starts_with('!') {
        return "a list cannot have exceptions: write only what it should cover".to_owned();
    }
    let path = plain.split_whitespace().rfind(|word| word.starts_with('/')).map(str::to_owned);
    let path = path.or_else(|| (!plain.contains(char::is_whitespace)).then(|| format!("/{plain}")));
    let is_valid = |path: &String| path.len() > 1 && check_path(path).is_ok();
    let Some(path) =
        path.and_then(|path| if is_valid(&path) { Some(path) } else { canonicalize(&path) }).filter(is_valid)
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

/// Returns the first segment that contains `**` and something else.
pub(super) fn mixed_segment(text: &str) -> Option<&str> {
    text.split('/').find(|segment| segment.contains("**") && *segment != "**")
}

/// Suggests a glob in which each `**` is a whole segment.
pub(super) fn separate_double_stars(text: &str) -> String {
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

/// Adds the beginning to a glob that begins with `*`: `*` and `**` mean all paths, `*.php` means any depth.
pub(super) fn anchor(text: &str) -> String {
    match text.trim_end_matches('/') {
        "*" | "**" | "*/*" => "/**".to_owned(),
        glob if glob.starts_with("**/") => format!("/{glob}"),
        glob => format!("/**/*{}", glob.trim_start_matches('*')),
    }
}

/// Returns true if a text contains what is common in regular expressions, but not in paths.
pub(super) fn is_regex(text: &str) -> bool {
    text.starts_with(['^', '~'])
        || text.ends_with(".+")
        || text.contains(".*$")
        || text.contains("\\.")
        || text.contains("[^")
        || text.contains('(') && text.contains('|')
        || text.ends_with("(.*)")
}

/// Suggests a glob in place of a regular expression, if it is simple enough.
pub(super) fn glob_for_regex(text: &str) -> String {
    const EXAMPLE: &str = "for example `/admin/**` for everything below /admin, \
                           or `/**/*.php` for everything that ends in .php";
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

/// Expands `{a,b}` into several globs.
pub(super) fn expand_alternatives(text: &str) -> Option<Vec<String>> {
    let (before, rest) = text.split_once('{')?;
    let (inner, after) = rest.split_once('}')?;
    let globs: Vec<_> = inner.split(',').map(|part| format!("{before}{part}{after}")).collect();
    let are_valid = globs.len() > 1
        && globs.len() < 9
        && globs.iter().all(|glob| check_path(glob).is_ok() && !glob.contains(['[', ']', '{', '}']));
    are_valid.then_some(globs)
}
