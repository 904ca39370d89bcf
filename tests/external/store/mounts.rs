//! Mounts of the file, its directory or its file system, which allow an edit or not.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use libtest_mimic::Trial;

use super::{MINE, START, assert_alone, namespace, started, status, text};
use crate::support::process::{ConfigDirectory, GatewayProcess, downtime};
use crate::support::until;

pub(crate) fn trials() -> Vec<Trial> {
    trials![super::mounted:
        a_file_that_is_mounted_by_itself_is_not_edited,
        a_link_to_a_file_that_is_mounted_by_itself_is_not_edited,
        check_warns_if_the_file_is_mounted_by_itself,
        check_warns_if_the_periods_file_is_mounted_by_itself,
        a_file_in_a_mounted_directory_is_edited,
        a_file_on_a_read_only_file_system_is_not_edited,
        without_a_file_in_the_current_directory_the_one_in_etc_is_used,
        without_any_file_the_error_names_each_place_that_was_tried,
        a_gateway_applies_writes_to_a_mounted_file,
        a_gateway_applies_an_edit_in_the_source_of_its_mounted_directory,
    ]
}

/// Scripts that mount the file or its directory from elsewhere, as containers do.
const MOUNT_FILE: &str = "mount --bind real/site.toml downtime.toml; ";
const MOUNT_DIRECTORY: &str = "mount --bind real mounted; cd mounted; ";

/// Makes a directory with a file, and the source of the mounts with this text in a directory below.
fn directory(text: &str) -> ConfigDirectory {
    let directory = ConfigDirectory::with("# not mounted over\n");
    for name in ["real", "mounted"] {
        fs::create_dir(directory.join(name)).expect("made");
    }
    fs::write(directory.join("real/site.toml"), text).expect("written");
    directory
}

fn start(directory: &ConfigDirectory, script: &str) -> Output {
    let script = format!("{script} exec \"$0\" {}", START.join(" "));
    namespace::command(directory, &script).output().expect("a shell")
}

#[track_caller]
fn assert_refused(output: &Output, path: &Path, remedy: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let start = format!("error: {} ", path.canonicalize().expect("a file").display());
    assert!(stderr.starts_with(&start) && stderr.contains(remedy), "{stderr}");
}

#[track_caller]
fn assert_names(directory: &Path, expected: &[&str]) {
    let mut names: Vec<_> = fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, expected, "{}", directory.display());
}

/// Asserts that neither the mounted file nor the file below it has changed, and that there is no new file.
#[track_caller]
fn assert_untouched(directory: &ConfigDirectory) {
    assert!(text(directory).starts_with("# not mounted over\n"));
    assert_eq!(fs::read_to_string(directory.join("real/site.toml")).expect("a file"), MINE);
    assert_names(directory.path(), &["downtime.toml", "mounted", "real"]);
    assert_names(&directory.join("real"), &["site.toml"]);
}

fn a_file_that_is_mounted_by_itself_is_not_edited() {
    let directory = directory(MINE);
    let output = start(&directory, MOUNT_FILE);
    assert_refused(
        &output,
        &directory.join("downtime.toml"),
        "mount its directory instead, or edit the file that is mounted",
    );
    assert_untouched(&directory);
}

fn a_link_to_a_file_that_is_mounted_by_itself_is_not_edited() {
    let directory = directory(MINE);
    let link = "ln -s ../downtime.toml mounted/link.toml; export DOWNTIME_CONFIG=mounted/link.toml; ";
    let output = start(&directory, &[MOUNT_FILE, link].concat());
    assert_refused(
        &output,
        &directory.join("downtime.toml"),
        "mount its directory instead, or edit the file that is mounted",
    );
    fs::remove_file(directory.join("mounted/link.toml")).expect("a link");
    assert_untouched(&directory);
}

fn check(directory: &ConfigDirectory, script: &str) -> String {
    let script = format!("{script} exec \"$0\" --check");
    let mut command = namespace::command(directory, &script);
    let output = command.stdout(Stdio::null()).output().expect("a shell");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn check_warns_if_the_file_is_mounted_by_itself() {
    let directory = directory(MINE);
    let warning = "warning: this file is mounted by itself: if an editor replaces it";
    let link = "ln -s ../downtime.toml mounted/link.toml; export DOWNTIME_CONFIG=mounted/link.toml; ";
    for (script, place) in [
        (MOUNT_FILE.to_owned(), Some(" --> ./downtime.toml:1:1\n")),
        ([MOUNT_FILE, link].concat(), Some(" --> mounted/link.toml:1:1\n")),
        ([MOUNT_DIRECTORY, "export DOWNTIME_CONFIG=site.toml; "].concat(), None),
        (String::new(), None),
    ] {
        let stderr = check(&directory, &script);
        assert_eq!(stderr.contains(warning), place.is_some(), "{script}{stderr}");
        assert!(stderr.contains(place.unwrap_or_default()), "{script}{stderr}");
    }
}

fn check_warns_if_the_periods_file_is_mounted_by_itself() {
    let directory = directory(MINE);
    directory.write("main.toml", "periods_file = \"downtime.toml\"\n[server]\nlisten = [\"127.0.0.1:0\"]\n");
    for periods in ["downtime.toml", "real/site.toml"] {
        directory.write(periods, "# Periods\n");
    }
    let main = "export DOWNTIME_CONFIG=main.toml; ";
    let warning = "warning: the periods file downtime.toml is mounted by itself";
    for (script, warns) in [([MOUNT_FILE, main].concat(), true), (main.to_owned(), false)] {
        let stderr = check(&directory, &script);
        assert_eq!(stderr.contains(warning), warns, "{script}{stderr}");
        assert_eq!(stderr.contains(" --> main.toml:1:16\n"), warns, "{script}{stderr}");
    }
}

fn a_file_in_a_mounted_directory_is_edited() {
    let directory = directory(MINE);
    let output = start(&directory, &[MOUNT_DIRECTORY, "export DOWNTIME_CONFIG=site.toml; "].concat());
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    assert_eq!(fs::read_to_string(directory.join("real/site.toml")).expect("a file"), started(MINE));
    assert_names(&directory.join("real"), &["site.toml"]);
}

fn a_file_on_a_read_only_file_system_is_not_edited() {
    let directory = ConfigDirectory::with(MINE);
    let before = text(&directory);
    let read_only = "mount --bind . .; mount -o remount,bind,ro .; cd \"$PWD\"; ";
    assert_refused(
        &start(&directory, read_only),
        &directory.join("downtime.toml"),
        " is on a read-only file system: nothing was changed\n |\n = help: remount it read-write, or edit the file where it comes from",
    );
    assert_alone(&directory, &before);
}

/// Runs a script in an empty directory, in a mount namespace whose `/etc` only has an empty `/etc/downtime`.
fn without_a_file(script: &str) -> Output {
    let directory = directory(MINE);
    let script = format!("mount -t tmpfs tmpfs /etc; mkdir /etc/downtime empty; cd empty; {script}");
    namespace::command(&directory, &script).stdout(std::process::Stdio::piped()).output().expect("a shell")
}

fn without_a_file_in_the_current_directory_the_one_in_etc_is_used() {
    const SYSTEM: &str = "/etc/downtime/downtime.toml";
    let make = format!("echo '# mine' >{SYSTEM}; ");
    for (script, expected) in [
        ("exec \"$0\" --check", format!("{SYSTEM} is valid\n")),
        ("DOWNTIME_CONFIG= exec \"$0\" --check", format!("{SYSTEM} is valid\n")),
        ("exec \"$0\" start --at 2999-01-01T00:00:00Z", format!("edited {SYSTEM}\n")),
        ("echo '# here' >downtime.toml; exec \"$0\" --check", "./downtime.toml is valid\n".into()),
    ] {
        let output = without_a_file(&[&make, script].concat());
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && stdout.starts_with(&expected), "{script}: {output:?}");
    }
}

fn without_any_file_the_error_names_each_place_that_was_tried() {
    for arguments in ["", "serve", "--check", "status", "start", "end", "--check --format json"] {
        let output = without_a_file(&format!("exec \"$0\" {arguments}"));
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert_eq!(output.status.code(), Some(1), "{arguments}: {text}");
        let expected = "no configuration file found: tried ./downtime.toml and /etc/downtime/downtime.toml";
        assert!(text.contains(expected), "{arguments}: {text}");
    }
}

/// Returns a config of a site that is down with this message.
fn config_with_message(message: &str) -> String {
    format!(
        "[server]\nlisten = [\"127.0.0.1:0\"]\n[response]\nmessage = \"{message}\"\n\
         [[period]]\nname = \"old\"\nstart = 2020-01-01T00:00:00Z\n"
    )
}

fn await_status(gateway: &GatewayProcess, key: &str, expected: &str) {
    until(expected, || (status(gateway)[key].as_str() == Some(expected)).then_some(()));
}

fn a_gateway_applies_writes_to_a_mounted_file() {
    let directory = directory(&config_with_message("before"));
    let command = namespace::command(&directory, &[MOUNT_FILE, "exec \"$0\""].concat());
    let gateway = GatewayProcess::run(directory, command);
    for message in ["once", "again"] {
        gateway.directory.write("real/site.toml", &config_with_message(message));
        await_status(&gateway, "message", message);
    }
    assert_eq!(gateway.log().count("ERROR"), 0, "{}", gateway.log().text());
}

fn a_gateway_applies_an_edit_in_the_source_of_its_mounted_directory() {
    let directory = directory(&config_with_message("before"));
    let command =
        namespace::command(&directory, &[MOUNT_DIRECTORY, "exec \"$0\" --config site.toml"].concat());
    let gateway = GatewayProcess::run(directory, command);
    let outside = |arguments: &[&str]| -> Command {
        let mut command = downtime(&gateway.directory);
        command.args(["--config", "real/site.toml"]).args(arguments);
        command
    };
    for (arguments, state) in [(["end", "old"].as_slice(), "up"), (&["start"], "down")] {
        let output = outside(arguments).output().expect("the binary");
        assert!(output.status.success(), "{output:?}");
        await_status(&gateway, "state", state);
    }
}
