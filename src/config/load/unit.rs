//! The unit by which systemd runs the gateway, as far as it limits the time of a stop (`systemd.service(5)`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::StopLimit;

/// Where systemd searches for units, in this order.
const DIRECTORIES: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];
/// The names that the shipped units have.
const NAMES: [&str; 2] = ["downtime.service", "downtime@.service"];
/// The file that the gateway reads if `ExecStart=` names none.
const DEFAULT_FILE: &str = "/etc/downtime/downtime.toml";
/// The limit if the unit sets none, unless the administrator has changed `DefaultTimeoutStopSec=`.
const DEFAULT_LIMIT: Duration = Duration::from_secs(90);

/// Returns the limit of the unit that runs the gateway with this file, if there is one.
pub(super) fn stop_limit(file: &Path) -> Option<StopLimit> {
    find(&DIRECTORIES.map(Path::new), &std::path::absolute(file).ok()?)
}

fn find(directories: &[&Path], file: &Path) -> Option<StopLimit> {
    NAMES.iter().find_map(|name| {
        let path = directories.iter().map(|directory| directory.join(name)).find(|path| path.exists())?;
        let mut unit = Unit { limit: Some(DEFAULT_LIMIT), source: path.clone(), file: DEFAULT_FILE.into() };
        unit.read(&path);
        unit.read_all(&drop_ins(directories, name));
        let instance = unit.instance_of(file)?;
        if !instance.is_empty() {
            let name = name.replace('@', &format!("@{instance}"));
            unit.read_all(&drop_ins(directories, &name));
        }
        Some(StopLimit { limit: unit.limit?, source: unit.source })
    })
}

/// Returns the drop-ins of a unit in the order in which they apply. Of those with the same name, the first directory's counts.
fn drop_ins(directories: &[&Path], unit: &str) -> Vec<PathBuf> {
    let mut found = BTreeMap::new();
    for directory in directories {
        let entries = fs::read_dir(directory.join(format!("{unit}.d")));
        for path in entries.into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.extension().is_some_and(|extension| extension == "conf") {
                found.entry(path.file_name().map(ToOwned::to_owned)).or_insert(path);
            }
        }
    }
    found.into_values().collect()
}

/// The settings of a unit.
struct Unit {
    /// The limit; `None` if it is infinite or not understood.
    limit: Option<Duration>,
    /// The file that sets it.
    source: PathBuf,
    /// The file that `ExecStart=` names, in which `%i` is the instance.
    file: String,
}

impl Unit {
    fn read_all(&mut self, paths: &[PathBuf]) {
        for path in paths {
            self.read(path);
        }
    }

    /// Applies the settings of a unit file or a drop-in.
    fn read(&mut self, path: &Path) {
        let text = fs::read_to_string(path).unwrap_or_default().replace("\\\n", " ");
        let mut section = "";
        for line in text.lines().map(str::trim) {
            match line.split_once('=') {
                _ if line.starts_with('[') => section = line,
                Some((key, value)) if section == "[Service]" => self.set(key.trim(), value.trim(), path),
                _ => {}
            }
        }
    }

    fn set(&mut self, key: &str, value: &str, path: &Path) {
        match key {
            "ExecStart" if !value.is_empty() => self.file = named_file(value).unwrap_or(DEFAULT_FILE).into(),
            "TimeoutStopSec" | "TimeoutSec" => {
                self.limit = if value.is_empty() { Some(DEFAULT_LIMIT) } else { parse_time_span(value) };
                path.clone_into(&mut self.source);
            }
            _ => {}
        }
    }

    /// Returns the instance that reads `file`, which is empty for a unit without instances; `None` if the unit reads another
    /// file.
    fn instance_of(&self, file: &Path) -> Option<String> {
        let Some((before, after)) = self.file.split_once("%i") else {
            return (Path::new(&self.file) == file).then(String::new);
        };
        let instance = file.to_str()?.strip_prefix(before)?.strip_suffix(after)?;
        (!instance.is_empty() && !instance.contains('/')).then(|| instance.to_owned())
    }
}

/// Returns the file that the arguments of a command name.
fn named_file(command: &str) -> Option<&str> {
    let mut words = command.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
    while let Some(word) = words.next() {
        if matches!(word, "-c" | "--config") {
            return words.next();
        }
        if let Some(file) = word.strip_prefix("--config=").or_else(|| word.strip_prefix("-c")) {
            return Some(file);
        }
    }
    None
}

/// Parses a time span (`systemd.time(7)`): a number without a unit is in seconds. Zero and `infinity` mean no limit.
fn parse_time_span(text: &str) -> Option<Duration> {
    let span = text.parse().map(Duration::from_secs).or_else(|_| humantime::parse_duration(text)).ok();
    span.filter(|span| !span.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: &str =
        "[Service]\nExecStart=/usr/local/bin/downtime serve --config /etc/downtime/downtime.toml\n";
    const TEMPLATE: &str =
        "[Service]\nExecStart=/usr/bin/downtime serve -c /etc/downtime/%i.toml\nTimeoutStopSec=20s\n";

    /// Returns the limit in seconds for a file, and the name of the file that sets it. The first of two directories is `etc`.
    fn found(files: &[(&str, &str)], file: &str) -> Option<(u64, String)> {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let directories = ["etc", "lib"].map(|name| directory.path().join(name));
        let StopLimit { limit, source } = find(&[&directories[0], &directories[1]], Path::new(file))?;
        let source = source.strip_prefix(directory.path()).unwrap().display().to_string();
        Some((limit.as_secs(), source))
    }

    #[test]
    fn the_limit_is_the_one_that_applies_last() {
        let limit = |text: &str| format!("{UNIT}TimeoutStopSec={text}\n");
        let drop_in = |text: &str| format!("[Unit]\nTimeoutStopSec=1\n[Service]\nTimeoutStopSec={text}\n");
        let (etc, lib) = ("etc/downtime.service", "lib/downtime.service");
        let file = "/etc/downtime/downtime.toml";
        assert_eq!(found(&[], file), None);
        for (files, expected) in [
            (vec![(lib, UNIT.to_owned())], Some((90, lib))),
            (vec![(lib, limit("20s"))], Some((20, lib))),
            (vec![(lib, limit("25"))], Some((25, lib))),
            (vec![(lib, limit("1min 30s"))], Some((90, lib))),
            (vec![(lib, limit("infinity"))], None),
            (vec![(lib, limit("0"))], None),
            (vec![(lib, limit("soon"))], None),
            (vec![(lib, limit("20s").replace("TimeoutStopSec", "TimeoutSec"))], Some((20, lib))),
            (vec![(lib, limit("20s")), (etc, limit("5s"))], Some((5, etc))),
            (vec![(lib, limit("20s")), (etc, String::new())], Some((90, etc))),
            (
                vec![(lib, limit("20s")), ("etc/downtime.service.d/override.conf", drop_in("7s"))],
                Some((7, "etc/downtime.service.d/override.conf")),
            ),
            (
                vec![
                    (lib, limit("20s")),
                    ("lib/downtime.service.d/b.conf", drop_in("7s")),
                    ("etc/downtime.service.d/b.conf", drop_in("8s")),
                    ("etc/downtime.service.d/a.conf", drop_in("9s")),
                    ("etc/downtime.service.d/c.txt", drop_in("3s")),
                ],
                Some((8, "etc/downtime.service.d/b.conf")),
            ),
            (
                vec![(lib, limit("20s")), ("etc/downtime.service.d/a.conf", drop_in(""))],
                Some((90, "etc/downtime.service.d/a.conf")),
            ),
        ] {
            let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
            let expected = expected.map(|(seconds, source)| (seconds, source.to_owned()));
            assert_eq!(found(&files, file), expected, "{files:?}");
        }
    }

    #[test]
    fn a_unit_counts_only_for_the_file_that_it_names() {
        for (command, file, is_found) in [
            ("downtime serve --config /srv/a.toml", "/srv/a.toml", true),
            ("downtime serve --config=/srv/a.toml", "/srv/./a.toml", true),
            ("downtime -c '/srv/a.toml' serve", "/srv/a.toml", true),
            ("downtime \\\n  -c/srv/a.toml", "/srv/a.toml", true),
            ("downtime serve --config /srv/a.toml", "/srv/b.toml", false),
            ("downtime serve", "/etc/downtime/downtime.toml", true),
            ("downtime serve", "/srv/a.toml", false),
        ] {
            let unit = format!("[Service]\nExecStart={command}\n");
            let found = found(&[("lib/downtime.service", &unit)], file);
            assert_eq!(found.is_some(), is_found, "{command} {file}");
        }
    }

    #[test]
    fn an_instance_has_drop_ins_of_its_own() {
        let files = [
            ("lib/downtime.service", UNIT),
            ("lib/downtime@.service", TEMPLATE),
            ("etc/downtime@shop.service.d/a.conf", "[Service]\nTimeoutStopSec=5s\n"),
        ];
        for (file, expected) in [
            ("/etc/downtime/shop.toml", Some((5, "etc/downtime@shop.service.d/a.conf"))),
            ("/etc/downtime/blog.toml", Some((20, "lib/downtime@.service"))),
            ("/etc/downtime/downtime.toml", Some((90, "lib/downtime.service"))),
            ("/etc/downtime/a/b.toml", None),
            ("/etc/downtime/.toml", None),
            ("/srv/shop.toml", None),
        ] {
            let expected = expected.map(|(seconds, source)| (seconds, source.to_owned()));
            assert_eq!(found(&files, file), expected, "{file}");
        }
    }
}
