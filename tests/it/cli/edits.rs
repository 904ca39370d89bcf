//! What an edit does not change, and concurrent edits.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::thread;

use crate::working_directory::WorkingDirectory;

const CONCURRENT_EDITS: usize = 20;

/// Starts and ends a period. Returns the text in between and the text at the end, with `@` for the times.
fn start_and_end(text: &str) -> [String; 2] {
    let directory = WorkingDirectory::with(text);
    directory.run(&["start", "--name", "db"]).prints(0, &[]);
    let period = directory.period(directory.text().matches("name = ").count() - 1);
    let start = period["start"].to_string();
    let started = directory.text().replace(&start, "@");
    directory.run(&["end", "db"]).prints(0, &[]);
    let period = directory.period(directory.text().matches("name = ").count() - 1);
    let ended = directory.text().replace(&period["end"].to_string(), "@").replace(&start, "@");
    [started, ended]
}

#[test]
fn every_other_byte_is_kept() {
    for (text, start, end) in [
        (
            "# é  \r\n\r\n[log]\r\n  level='info'\t# \r\n",
            "\r\n[[period]]\r\nname = \"db\"\r\nstart = @\r\nunscheduled = true\r\n",
            "end = @\r\n",
        ),
        ("\u{feff}# a mark\n", "\n[[period]]\nname = \"db\"\nstart = @\nunscheduled = true\n", "end = @\n"),
        (
            "\u{feff}# no newline",
            "\n\n[[period]]\nname = \"db\"\nstart = @\nunscheduled = true\n",
            "end = @\n",
        ),
    ] {
        let [started, ended] = start_and_end(text);
        assert_eq!(started, [text, start].concat());
        assert_eq!(ended, [text, start, end].concat());
    }
}

#[test]
fn an_inline_array_of_periods_stays_inline() {
    let [started, ended] = start_and_end(
        "period = [{ name = \"a\", start = 2020-01-01T00:00:00Z, for = \"1h\" }] # mine\n[log]\n",
    );
    let first = "period = [{ name = \"a\", start = 2020-01-01T00:00:00Z, for = \"1h\" }, { name = \"db\", start = @, unscheduled = true";
    assert_eq!(started, format!("{first} }}] # mine\n[log]\n"));
    assert_eq!(ended, format!("{first}, end = @ }}] # mine\n[log]\n"));
}

#[test]
fn a_symlink_stays_and_its_target_is_edited_and_named() {
    let directory = WorkingDirectory::empty();
    let real = directory.path().canonicalize().unwrap().join("real");
    fs::create_dir(&real).unwrap();
    fs::write(real.join("site.toml"), "# mine\n").unwrap();
    symlink("site.toml", real.join("current.toml")).unwrap();
    symlink("real/current.toml", directory.file()).unwrap();
    let edited = format!("edited {}\n", real.join("site.toml").display());
    directory.run(&["start"]).prints(0, &[&edited]);
    directory.run(&["end"]).prints(0, &[&edited]);
    assert_eq!(fs::read_link(directory.file()).unwrap().to_str(), Some("real/current.toml"));
    assert_eq!(fs::read_link(real.join("current.toml")).unwrap().to_str(), Some("site.toml"));
    assert!(fs::read_to_string(real.join("site.toml")).unwrap().contains("end = "));
    assert_eq!(fs::read_dir(&real).unwrap().count(), 2, "another file was left behind");
}

#[test]
fn a_template_is_found_beside_the_symlink() {
    let directory = WorkingDirectory::empty();
    fs::create_dir(directory.path().join("real")).unwrap();
    fs::write(directory.path().join("real/site.toml"), "[response]\ntemplate = \"page.html\"\n").unwrap();
    fs::write(directory.path().join("page.html"), "{{ message }}").unwrap();
    symlink("real/site.toml", directory.file()).unwrap();
    directory.run(&["--check"]).prints(0, &[]);
    directory.run(&["start"]).prints(0, &["down"]);
}

#[test]
fn mode_and_owner_are_kept() {
    let directory = WorkingDirectory::with("# mine\n");
    fs::set_permissions(directory.file(), Permissions::from_mode(0o640)).unwrap();
    let before = fs::metadata(directory.file()).unwrap();
    directory.run(&["start"]).prints(0, &[]);
    let after = fs::metadata(directory.file()).unwrap();
    assert_eq!((after.mode(), after.uid(), after.gid()), (before.mode(), before.uid(), before.gid()));
}

#[test]
fn no_concurrent_edit_is_lost() {
    let directory = WorkingDirectory::with("# mine\n");
    concurrently(|name| {
        let run = directory.run(&["start", "--name", name]);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stdout.contains(&format!("\"{name}\" has started")), "{run:?}");
    });
    assert_eq!(directory.text().matches("[[period]]").count(), CONCURRENT_EDITS);
    concurrently(|name| {
        let run = directory.run(&["end", name]);
        assert!(run.stdout.contains(&format!("ended \"{name}\"\n")), "{run:?}");
    });
    for index in 0..CONCURRENT_EDITS {
        assert!(directory.period(index).contains_key("end"), "{}", directory.text());
    }
    directory.run(&["status"]).prints(0, &["up"]);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "another file was left behind");
}

/// Makes an edit for many names, each in a thread of its own.
fn concurrently(edit: impl Fn(&str) + Sync) {
    thread::scope(|scope| {
        for number in 0..CONCURRENT_EDITS {
            let edit = &edit;
            scope.spawn(move || edit(&format!("n{number}")));
        }
    });
}
