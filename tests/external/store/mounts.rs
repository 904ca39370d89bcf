//! The file, its folder or its file system is mounted so that it cannot be replaced, or can (row W11).

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use libtest_mimic::Trial;

use super::{MINE, START, assert_alone, namespace, started, status, text};
use crate::support::process::{Folder, Gateway, downtime};
use crate::support::until;

pub(crate) fn trials() -> Vec<Trial> {
    trials![super::mounted:
        a_file_that_is_mounted_by_itself_is_left_as_it_is,
        a_file_that_is_mounted_by_itself_is_left_as_it_is_through_a_link_too,
        a_file_that_is_mounted_by_itself_is_warned_of,
        a_file_in_a_mounted_folder_is_edited,
        a_file_on_a_read_only_file_system_is_left_as_it_is,
        without_a_file_here_the_one_of_the_system_is_used,
        without_any_file_each_place_is_named,
        a_gateway_sees_what_is_written_into_a_mounted_file,
        a_gateway_sees_an_edit_in_the_folder_that_its_own_is_mounted_from,
    ]
}

/// The folder of a container: a file beside it is what its own file is mounted from.
const MOUNT_FILE: &str = "mount --bind real/site.toml downtime.toml; ";
const MOUNT_FOLDER: &str = "mount --bind real mounted; cd mounted; ";

/// A folder with a file, and another in a folder below.
fn folder(text: &str) -> Folder {
    let folder = Folder::with("# not mounted over\n");
    for name in ["real", "mounted"] {
        fs::create_dir(folder.join(name)).expect("made");
    }
    fs::write(folder.join("real/site.toml"), text).expect("written");
    folder
}

fn start(folder: &Folder, script: &str) -> Output {
    let script = format!("{script} exec \"$0\" {}", START.join(" "));
    namespace::command(folder, &script).output().expect("a shell")
}

#[track_caller]
fn assert_refused(output: &Output, path: &Path, remedy: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let named = format!("error: {} ", path.canonicalize().expect("a file").display());
    assert!(said.starts_with(&named) && said.contains(remedy), "{said}");
}

#[track_caller]
fn assert_names(folder: &Path, expected: &[&str]) {
    let mut names: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(names, expected, "{}", folder.display());
}

/// Neither the mounted file has changed nor the one that it is mounted over, and no other file has come.
#[track_caller]
fn assert_untouched(folder: &Folder) {
    assert!(text(folder).starts_with("# not mounted over\n"));
    assert_eq!(fs::read_to_string(folder.join("real/site.toml")).expect("a file"), MINE);
    assert_names(folder.path(), &["downtime.toml", "mounted", "real"]);
    assert_names(&folder.join("real"), &["site.toml"]);
}

fn a_file_that_is_mounted_by_itself_is_left_as_it_is() {
    let folder = folder(MINE);
    let output = start(&folder, MOUNT_FILE);
    assert_refused(
        &output,
        &folder.join("downtime.toml"),
        "mount its directory instead, or edit the file that is mounted",
    );
    assert_untouched(&folder);
}

fn a_file_that_is_mounted_by_itself_is_left_as_it_is_through_a_link_too() {
    let folder = folder(MINE);
    let link = "ln -s ../downtime.toml mounted/link.toml; export DOWNTIME_CONFIG=mounted/link.toml; ";
    let output = start(&folder, &[MOUNT_FILE, link].concat());
    assert_refused(
        &output,
        &folder.join("downtime.toml"),
        "mount its directory instead, or edit the file that is mounted",
    );
    fs::remove_file(folder.join("mounted/link.toml")).expect("a link");
    assert_untouched(&folder);
}

fn check(folder: &Folder, script: &str) -> String {
    let script = format!("{script} exec \"$0\" --check");
    let mut command = namespace::command(folder, &script);
    let output = command.stdout(Stdio::null()).output().expect("a shell");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn a_file_that_is_mounted_by_itself_is_warned_of() {
    let folder = folder(MINE);
    let warning = "warning: this file is mounted by itself: if an editor replaces it";
    let link = "ln -s ../downtime.toml mounted/link.toml; export DOWNTIME_CONFIG=mounted/link.toml; ";
    for (script, place) in [
        (MOUNT_FILE.to_owned(), Some(" --> ./downtime.toml:1:1\n")),
        ([MOUNT_FILE, link].concat(), Some(" --> mounted/link.toml:1:1\n")),
        ([MOUNT_FOLDER, "export DOWNTIME_CONFIG=site.toml; "].concat(), None),
        (String::new(), None),
    ] {
        let said = check(&folder, &script);
        assert_eq!(said.contains(warning), place.is_some(), "{script}{said}");
        assert!(said.contains(place.unwrap_or_default()), "{script}{said}");
    }
}

fn a_file_in_a_mounted_folder_is_edited() {
    let folder = folder(MINE);
    let output = start(&folder, &[MOUNT_FOLDER, "export DOWNTIME_CONFIG=site.toml; "].concat());
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    assert_eq!(fs::read_to_string(folder.join("real/site.toml")).expect("a file"), started(MINE));
    assert_names(&folder.join("real"), &["site.toml"]);
}

fn a_file_on_a_read_only_file_system_is_left_as_it_is() {
    let folder = Folder::with(MINE);
    let before = text(&folder);
    let read_only = "mount --bind . .; mount -o remount,bind,ro .; cd \"$PWD\"; ";
    assert_refused(
        &start(&folder, read_only),
        &folder.join("downtime.toml"),
        " is on a read-only file system: remount it read-write, or edit the file where it comes from",
    );
    assert_alone(&folder, &before);
}

/// An empty directory that has no file, on a system whose `/etc` is this script's.
fn without_a_file(script: &str) -> Output {
    let folder = folder(MINE);
    let script = format!("mount -t tmpfs tmpfs /etc; mkdir /etc/downtime empty; cd empty; {script}");
    namespace::command(&folder, &script).stdout(std::process::Stdio::piped()).output().expect("a shell")
}

fn without_a_file_here_the_one_of_the_system_is_used() {
    const SYSTEM: &str = "/etc/downtime/downtime.toml";
    let make = format!("echo '# mine' >{SYSTEM}; ");
    for (script, said) in [
        ("exec \"$0\" --check", format!("{SYSTEM} is valid\n")),
        ("DOWNTIME_CONFIG= exec \"$0\" --check", format!("{SYSTEM} is valid\n")),
        ("exec \"$0\" start --at 2999-01-01T00:00:00Z", format!("edited {SYSTEM}\n")),
        ("echo '# here' >downtime.toml; exec \"$0\" --check", "./downtime.toml is valid\n".into()),
    ] {
        let output = without_a_file(&[&make, script].concat());
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && stdout.starts_with(&said), "{script}: {output:?}");
    }
}

fn without_any_file_each_place_is_named() {
    for arguments in ["", "serve", "--check", "status", "start", "end", "--check --format json"] {
        let output = without_a_file(&format!("exec \"$0\" {arguments}"));
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(output.status.code(), Some(1), "{arguments}: {said}");
        let named = "no configuration file found: tried ./downtime.toml and /etc/downtime/downtime.toml";
        assert!(said.contains(named), "{arguments}: {said}");
    }
}

/// A config that is down with this message.
fn saying(message: &str) -> String {
    format!(
        "[server]\nlisten = [\"127.0.0.1:0\"]\n[response]\nmessage = \"{message}\"\n\
         [[period]]\nname = \"old\"\nstart = 2020-01-01T00:00:00Z\n"
    )
}

fn await_status(gateway: &Gateway, key: &str, expected: &str) {
    until(expected, || (status(gateway)[key].as_str() == Some(expected)).then_some(()));
}

fn a_gateway_sees_what_is_written_into_a_mounted_file() {
    let folder = folder(&saying("before"));
    let command = namespace::command(&folder, &[MOUNT_FILE, "exec \"$0\""].concat());
    let gateway = Gateway::run(folder, command);
    for message in ["once", "again"] {
        gateway.folder.write("real/site.toml", &saying(message));
        await_status(&gateway, "message", message);
    }
    assert_eq!(gateway.log().count("ERROR"), 0, "{}", gateway.log().text());
}

fn a_gateway_sees_an_edit_in_the_folder_that_its_own_is_mounted_from() {
    let folder = folder(&saying("before"));
    let command = namespace::command(&folder, &[MOUNT_FOLDER, "exec \"$0\" --config site.toml"].concat());
    let gateway = Gateway::run(folder, command);
    let outside = |arguments: &[&str]| -> Command {
        let mut command = downtime(&gateway.folder);
        command.args(["--config", "real/site.toml"]).args(arguments);
        command
    };
    for (arguments, state) in [(["end", "old"].as_slice(), "up"), (&["start"], "down")] {
        let output = outside(arguments).output().expect("the binary");
        assert!(output.status.success(), "{output:?}");
        await_status(&gateway, "state", state);
    }
}
