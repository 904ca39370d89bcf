//! The templates that a period may use: those that exist beneath the directory of the main file.

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::Config;

/// How deep directories are searched.
const MAX_DEPTH: usize = 4;
/// The most templates that are offered.
const MAX_TEMPLATES: usize = 100;

/// Returns the paths of the templates, relative to the file that edits go to, if it is beside or above them, or else absolute.
pub(super) fn offered(config: &Config) -> Vec<String> {
    let Some(directory) = config.file.parent() else { return Vec::new() };
    let mut found = Vec::new();
    find(directory, MAX_DEPTH, &mut found);
    found.sort();
    let base = config.periods_file.as_ref().map_or(directory, |file| file.path.parent().unwrap_or(directory));
    let shown = |path: &PathBuf| path.strip_prefix(base).unwrap_or(path).to_str().map(str::to_owned);
    found.iter().filter_map(shown).collect()
}

/// Finds files whose names end in `.html`. Hidden files and symbolic links are left out.
fn find(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries {
        let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
        if found.len() >= MAX_TEMPLATES || entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if kind.is_dir() && depth > 0 {
            find(&path, depth - 1, found);
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "html") {
            found.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_beneath_the_directory_of_the_main_file_are_offered() {
        let directory = tempfile::tempdir().unwrap();
        let main = directory.path().join("etc/downtime.toml");
        for name in
            ["etc/a.html", "etc/b/c.html", "etc/.hidden.html", "etc/x.txt", "other.html", "etc/downtime.toml"]
        {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let config = |text: &str| {
            let mut config = crate::config::load::preview(&main, text).config.unwrap();
            config.file.clone_from(&main);
            config
        };
        assert_eq!(offered(&config("# none")), ["a.html", "b/c.html"]);
        let elsewhere = directory.path().join("etc/b/c.html").display().to_string();
        let found = offered(&config("periods_file = '../var/periods.toml'"));
        assert_eq!(found.last(), Some(&elsewhere));
    }
}
