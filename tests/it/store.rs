//! Edits of a file on the real file system.

use std::convert::Infallible;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{env, fs, thread};

use downtime::store::read::MAX_LENGTH;
use downtime::store::{FileError, Reason, Store, StoreError};
use tempfile::{TempDir, tempdir};

const NOBODY: u32 = 65534;
const LINES: usize = 20;

fn file(text: &str) -> (TempDir, PathBuf) {
    let directory = tempdir().unwrap();
    let path = directory.path().join("downtime.toml");
    fs::write(&path, text).unwrap();
    (directory, path)
}

fn edit(path: &Path, mut change: impl FnMut(&str) -> String) -> Result<PathBuf, FileError> {
    let store = Store::open(path)?.with_lock_timeout(Duration::from_secs(30));
    let edited = store.edit(|text| Ok::<_, Infallible>((Some(change(text)), ())));
    match edited {
        Ok(()) => Ok(store.path().to_owned()),
        Err(StoreError::File(error)) => Err(error),
        Err(StoreError::Edit(never)) => match never {},
    }
}

fn append(path: &Path, line: &str) -> Result<PathBuf, FileError> {
    edit(path, |text| format!("{text}{line}\n"))
}

fn sorted_lines(path: &Path) -> Vec<String> {
    let mut lines: Vec<_> = fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[track_caller]
fn assert_no_other_file(path: &Path) {
    let names = fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(names.collect::<Vec<_>>(), [path], "another file was left behind");
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns a command that appends a line to the file in another process of this test binary.
fn appending_process(path: &Path, line: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "store::another_process_appends_a_line", "--ignored", "--nocapture"]);
    command.env("STORE_PATH", path).env("STORE_LINE", line).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
#[ignore = "run by other tests, as a process of its own"]
fn another_process_appends_a_line() {
    let Some(path) = env::var_os("STORE_PATH") else { return };
    let appended = append(Path::new(&path), &env::var("STORE_LINE").unwrap());
    println!("outcome: {}", appended.map_or_else(|error| error.to_string(), |_| "done".to_owned()));
}

#[test]
fn an_edit_returns_the_absolute_path_and_writes_the_whole_text() {
    let (_directory, path) = file("one\r\n");
    assert_eq!(append(&path, "two").unwrap(), fs::canonicalize(&path).unwrap());
    assert_eq!(fs::read(&path).unwrap(), b"one\r\ntwo\n");
    assert_no_other_file(&path);
}

#[test]
fn an_edit_without_a_change_does_not_touch_the_file() {
    let (_directory, path) = file("one\n");
    let before = fs::metadata(&path).unwrap();
    for text in [None, Some("one\n".to_owned())] {
        let value = Store::open(&path).unwrap().edit(|_| Ok::<_, Infallible>((text.clone(), 7)));
        assert_eq!(value.unwrap(), 7);
    }
    let after = fs::metadata(&path).unwrap();
    assert_eq!((before.ino(), before.ctime_nsec()), (after.ino(), after.ctime_nsec()));
}

#[test]
fn a_refused_edit_writes_nothing() {
    let (_directory, path) = file("one\n");
    let refused = Store::open(&path).unwrap().edit(|_| Err::<(Option<String>, ()), _>("no"));
    assert!(matches!(refused, Err(StoreError::Edit("no"))));
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
    assert_no_other_file(&path);
}

#[test]
fn the_mode_is_kept() {
    for mode in [0o600, 0o644, 0o664, 0o751, 0o400, 0o4755] {
        let (_directory, path) = file("");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        append(&path, "one").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, mode);
    }
}

#[test]
fn symlinks_stay_and_their_target_is_edited() {
    let directory = tempdir().unwrap();
    let below = directory.path().join("below");
    fs::create_dir(&below).unwrap();
    let (real, near, far) =
        (below.join("real.toml"), below.join("near.toml"), directory.path().join("far.toml"));
    fs::write(&real, "").unwrap();
    symlink("real.toml", &near).unwrap();
    symlink("below/near.toml", &far).unwrap();
    assert_eq!(append(&far, "one").unwrap(), fs::canonicalize(&real).unwrap());
    assert_eq!(fs::read_link(&far).unwrap(), Path::new("below/near.toml"));
    assert_eq!(fs::read_link(&near).unwrap(), Path::new("real.toml"));
    assert_eq!(fs::read_to_string(&real).unwrap(), "one\n");
    assert!(fs::symlink_metadata(&real).unwrap().is_file());
    assert_eq!(fs::read_dir(&below).unwrap().count(), 2);
}

#[test]
fn edits_of_many_threads_and_processes_all_take_effect() {
    let (_directory, path) = file("");
    let path = path.as_path();
    let processes: Vec<_> = (0..LINES)
        .map(|number| appending_process(path, &format!("process {number:02}")).spawn().unwrap())
        .collect();
    thread::scope(|scope| {
        for number in 0..LINES {
            scope.spawn(move || append(path, &format!("thread {number:02}")).unwrap());
        }
    });
    for process in processes {
        let output = process.wait_with_output().unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).contains("outcome: done"), "{output:?}");
    }
    let lines = |what: &str| (0..LINES).map(|number| format!("{what} {number:02}")).collect::<Vec<_>>();
    assert_eq!(sorted_lines(path), [lines("process"), lines("thread")].concat());
    assert_no_other_file(path);
}

#[test]
fn a_reader_always_finds_a_whole_file() {
    let text = |filling: usize| format!("{}\n", "x".repeat(filling * 8000));
    let (_directory, path) = file(&text(1));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) || reads == 0 {
                let found = fs::read_to_string(&path).unwrap();
                assert!(found.len() % 8000 == 1 && found.ends_with("x\n"), "{} bytes", found.len());
                reads += 1;
            }
        });
        for round in 0..100 {
            edit(&path, |_| text(round % 7 + 1)).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
}

fn save_by_rename(path: &Path, text: &str) {
    let beside = path.with_extension("swap");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, path).unwrap();
}

fn save_in_place(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

fn save_the_same_text_in_another_file(path: &Path, _: &str) {
    save_by_rename(path, &fs::read_to_string(path).unwrap());
}

fn change_the_mode(path: &Path, _: &str) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
}

#[test]
fn changes_by_others_during_an_edit_are_noticed_and_kept() {
    for (save, text, mode) in [
        (save_by_rename as fn(&Path, &str), "saved\n", None),
        (save_in_place, "saved\n", None),
        (save_the_same_text_in_another_file, "old\n", None),
        (change_the_mode, "old\n", Some(0o640)),
    ] {
        let (_directory, path) = file("old\n");
        let mut calls = 0;
        edit(&path, |text| {
            calls += 1;
            if calls == 1 {
                save(&path, "saved\n");
            }
            format!("{text}edited\n")
        })
        .unwrap();
        assert_eq!(calls, 2);
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{text}edited\n"));
        assert!(mode.is_none_or(|mode| fs::metadata(&path).unwrap().mode() & 0o777 == mode));
        assert_no_other_file(&path);
    }
}

#[test]
fn a_half_written_file_is_read_again_before_it_is_refused() {
    let (_directory, path) = file("");
    let store = Store::open(&path).unwrap();
    let value = store.edit(|text| {
        if text.is_empty() {
            save_in_place(&path, "whole\n");
            return Err("empty");
        }
        Ok((None, text.to_owned()))
    });
    assert_eq!(value.unwrap(), "whole\n");
}

#[test]
fn an_edit_gives_up_on_a_file_that_keeps_changing() {
    let (_directory, path) = file("0");
    let store = Store::open(&path).unwrap().with_lock_timeout(Duration::from_millis(50));
    let mut saves = 0;
    let edited = store.edit(|_| {
        saves += 1;
        save_in_place(&path, &saves.to_string());
        Ok::<_, Infallible>((Some("edited".to_owned()), ()))
    });
    assert_reason(edited, |reason| matches!(reason, Reason::KeepsChanging));
    assert_eq!(fs::read_to_string(&path).unwrap(), saves.to_string());
    assert_no_other_file(&path);
}

#[test]
fn a_file_that_is_deleted_during_an_edit_is_not_created_again() {
    let (_directory, path) = file("0");
    let store = Store::open(&path).unwrap().with_lock_timeout(Duration::from_millis(50));
    let edited = store.edit(|_| {
        fs::remove_file(&path).unwrap();
        Ok::<_, Infallible>((Some("edited".to_owned()), ()))
    });
    assert_reason(edited, |reason| matches!(reason, Reason::Missing));
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);
}

#[test]
fn a_lock_that_is_never_released_is_named_in_the_error() {
    let (_directory, path) = file("");
    let held = fs::File::open(&path).unwrap();
    held.lock().unwrap();
    let store = Store::open(&path).unwrap().with_lock_timeout(Duration::from_millis(50));
    let edited = store.edit(|_| Ok::<_, Infallible>((Some("edited".to_owned()), ())));
    assert_reason(edited, |reason| matches!(reason, Reason::Locked(_)));
    assert_no_other_file(&path);
}

#[track_caller]
fn assert_reason<T: std::fmt::Debug, E: std::fmt::Debug>(
    result: Result<T, StoreError<E>>,
    expected: fn(&Reason) -> bool,
) {
    match result {
        Err(StoreError::File(error)) if expected(error.reason()) => {}
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_refused(path: &Path, message: &str) {
    let error = append(path, "one").unwrap_err().to_string();
    assert!(error.starts_with(&path.display().to_string()) && error.contains(message), "{error}");
}

#[test]
fn only_a_readable_text_file_is_edited() {
    let (directory, path) = file("");
    let beside = |name: &str| directory.path().join(name);
    symlink("nowhere.toml", beside("dangling.toml")).unwrap();
    symlink("dangling.toml", beside("chained.toml")).unwrap();
    symlink("loop.toml", beside("loop.toml")).unwrap();
    fs::create_dir(beside("directory")).unwrap();
    let pipe = beside("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::write(beside("latin1.toml"), b"# one\n# caf\xe9\n").unwrap();
    for (name, message) in [
        ("missing.toml", "does not exist"),
        ("missing/downtime.toml", "does not exist"),
        ("downtime.toml/downtime.toml", "could not be found"),
        ("dangling.toml", "nowhere.toml, which does not exist"),
        ("chained.toml", "nowhere.toml, which does not exist"),
        ("loop.toml", "could not be found"),
        ("directory", "is a directory"),
        ("pipe", "not a regular file"),
        ("latin1.toml", "is not UTF-8 in line 2"),
    ] {
        assert_refused(&beside(name), message);
    }
    append(&path, "one").unwrap();
}

#[test]
fn a_file_may_have_1_mib_before_and_after_an_edit() {
    let limit = usize::try_from(MAX_LENGTH).unwrap();
    let (_directory, path) = file("");
    for size in [limit + 1, 2 * limit, limit, limit - 3] {
        fs::write(&path, "x".repeat(size)).unwrap();
        assert_refused(&path, "over 1 MiB");
    }
    fs::write(&path, "x".repeat(limit)).unwrap();
    edit(&path, |text| text.replace('x', "y")).unwrap();
    fs::write(&path, "x".repeat(limit - 4)).unwrap();
    append(&path, "one").unwrap();
    assert_no_other_file(&path);
}

/// Lets an unprivileged user edit the file, and returns the output.
fn edit_as_unprivileged_user(path: &Path) -> String {
    let mut command = appending_process(path, "one");
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    let outcome = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(outcome.contains("outcome: "), "{output:?}");
    outcome
}

#[test]
fn a_read_only_directory_is_named() {
    let (directory, path) = file("");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let outcome = edit_as_unprivileged_user(&path);
    let named = format!("may not create files in {}", fs::canonicalize(directory.path()).unwrap().display());
    assert!(outcome.contains(&named), "{outcome}");
    assert_no_other_file(&path);
}

#[test]
fn an_unreadable_file_is_refused() {
    let (directory, path) = file("");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let outcome = edit_as_unprivileged_user(&path);
    assert!(outcome.contains("cannot be read by this user"), "{outcome}");
}
