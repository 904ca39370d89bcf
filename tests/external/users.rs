//! What depends on the user, the file system or the kernel's settings. A test that cannot run here is ignored with a reason; under
//! CI it fails.

use std::fs::{Metadata, Permissions, metadata, read_to_string, set_permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Failed, Trial};
use rustix::fs::{XattrFlags, getxattr, setxattr};
use rustix::process::{Signal, geteuid};

use crate::debian;
use crate::support::admin::{RunningAdminPage, SECTIONS};
use crate::support::process::{
    ConfigDirectory, GatewayProcess, NOBODY, Process, downtime, downtime_by, listening, unprivileged_downtime,
};

pub(crate) fn trials() -> Vec<Trial> {
    let by_root = |name: &str, test: fn()| {
        let name = format!("users::{name}");
        Trial::ignorable_test(name.clone(), move || as_root(&name, test))
    };
    let trial = |name: &str, test: fn() -> Result<Completion, Failed>| {
        Trial::ignorable_test(format!("users::{name}"), test)
    };
    vec![
        by_root("another_user_gets_no_link", another_user_gets_no_link),
        by_root("a_file_that_only_the_command_can_read_is_reported_as_rejected_at_once", rejected_at_once),
        by_root("a_file_that_the_gateway_may_not_read_is_logged_once", an_unreadable_file_is_logged),
        by_root("a_file_that_the_gateway_may_not_read_is_refused_and_nothing_else", unreadable_files),
        by_root("a_command_has_no_capabilities_of_the_gateway", a_command_has_no_capabilities),
        by_root("the_owner_of_the_file_is_kept", the_owner_is_kept),
        by_root("a_file_whose_owner_or_group_cannot_be_kept_is_left_alone", an_owner_that_cannot_be_kept),
        trial("extended_attributes_and_access_lists_are_kept", attributes_are_kept),
        trial("an_access_list_is_not_inherited_from_the_directory", no_list_is_inherited),
        trial("a_privileged_port_is_an_error_with_the_fix", a_privileged_port),
    ]
}

/// Runs a test as root, by `sudo` if it needs no password.
fn as_root(name: &str, test: fn()) -> Result<Completion, Failed> {
    if geteuid().is_root() {
        test();
        return Ok(Completion::Completed);
    }
    let Some(mut command) = debian::as_root(&std::env::current_exe()?) else {
        return debian::ignore("this needs root, or sudo without a password".into());
    };
    command.args(["--exact", name]);
    let output = command.stdin(Stdio::null()).output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if output.status.success() { Ok(Completion::Completed) } else { Err(printed.into_owned().into()) }
}

fn run(mut command: Command, arguments: &[&str]) -> (Output, String) {
    let output = command.args(arguments).stdout(Stdio::piped()).output().expect("the binary");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, error)
}

/// Lets everybody do everything with a file or directory.
fn open_to_all(path: &Path) {
    set_permissions(path, Permissions::from_mode(0o777)).expect("a mode");
}

fn another_user_gets_no_link() {
    let directory = ConfigDirectory::with(SECTIONS);
    let admin = RunningAdminPage::on(&directory);
    let stranger = unprivileged_downtime(&directory);
    // The mode of the socket alone keeps others out, and so does the check of the user.
    let socket = directory.join("link.sock");
    assert_eq!(metadata(&socket).expect("a socket").mode() & 0o777, 0o600);
    for path in [directory.path(), &socket, &directory.join("downtime.toml")] {
        open_to_all(path);
    }
    let (output, error) = run(stranger, &["admin", "link"]);
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b""[..]));
    assert!(error.contains("only root and the user 0, which runs `downtime admin`, get links"), "{error}");
    admin.process.log.wait_for("no link for user 65534");
    assert!(run(downtime(&directory), &["admin", "link"]).0.status.success());
}

/// Neither while the gateway runs nor if it cannot start.
fn a_command_has_no_capabilities() {
    const TELL: &str = "[\"sh\", \"-c\", \"grep ^CapAmb /proc/self/status >>told\"]";
    let hooks = format!("[hooks]\non_down = {TELL}\non_rejected = {TELL}\n");
    let directory = ConfigDirectory::with(&hooks);
    let with_capability = |directory: &ConfigDirectory| {
        let options = ["--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service"];
        downtime_by("setpriv", &options, directory)
    };
    let told = |directory: &ConfigDirectory| read_to_string(directory.join("told")).unwrap_or_default();
    directory.write("downtime.toml", &format!("{hooks}[response]\nstatus = 200\n"));
    assert_eq!(Process::spawn(with_capability(&directory)).end().0, Some(1));
    assert_eq!(told(&directory), "CapAmb:\t0000000000000000\n");
    directory.write("downtime.toml", &listening(&hooks));
    let command = with_capability(&directory);
    let gateway = GatewayProcess::run(directory, command);
    gateway.apply(&format!("{hooks}[[period]]\nstart = 2020-01-01T00:00:00Z\n"));
    gateway.log().wait_for("ran on_down of [hooks]");
    assert_eq!(told(&gateway.directory), "CapAmb:\t0000000000000000\n".repeat(2));
    // The capability was there to be lost.
    let capabilities =
        read_to_string(format!("/proc/{}/status", gateway.process.child.id())).expect("a status");
    assert!(capabilities.contains("CapAmb:\t0000000000000400\n"), "{capabilities}");
}

fn rejected_at_once() {
    let config = "[management]\nlisten = \"unix:management.sock\"\n[response]\ntemplate = \"page.html\"\n";
    let directory = ConfigDirectory::with(config);
    directory.write("page.html", "<p>{{ message }}</p>");
    let command = unprivileged_downtime(&directory);
    open_to_all(directory.path());
    let gateway = GatewayProcess::run(directory, command);
    set_permissions(gateway.directory.join("page.html"), Permissions::from_mode(0o600)).expect("a mode");
    gateway.log().wait_for("is not applied");
    let begun = Instant::now();
    let (output, error) = run(downtime(&gateway.directory), &["start", "--wait"]);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(output.status.code(), Some(1));
    for text in [
        "the gateway reports: line 4 of ./downtime.toml: the template",
        "cannot be read by this user",
        "rejected the file",
    ] {
        assert!(error.contains(text), "no {text:?}: {error}");
    }
}

fn an_unreadable_file_is_logged() {
    let directory = ConfigDirectory::with("[site]\nroot = \"public\"\n");
    std::fs::create_dir(directory.join("public")).expect("a directory");
    for name in ["public/a", "public/b"] {
        directory.write(name, "text");
        set_permissions(directory.join(name), Permissions::from_mode(0o600)).expect("a mode");
    }
    let command = unprivileged_downtime(&directory);
    let gateway = GatewayProcess::run(directory, command);
    for path in ["/a", "/a", "/b"] {
        assert_eq!(gateway.get(path, &[]).status, 403);
    }
    gateway.process.signal(Signal::TERM);
    let (_, log) = gateway.process.end();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("cannot open a file")).collect();
    let [line] = lines[..] else { panic!("{log}") };
    let text = "cannot open a file; more are not logged for a minute path=a error=\"Permission denied (os error 13)\"";
    assert!(line.ends_with(text), "{line}");
}

fn unreadable_files() {
    let directory = ConfigDirectory::with("[site]\nroot = \"public\"\n");
    std::fs::create_dir_all(directory.join("public/pages")).expect("a directory");
    for (name, mode) in [
        ("public/unreadable", 0o600),
        ("public/a.js", 0o644),
        ("public/a.js.br", 0o600),
        ("public/pages/index.html", 0o644),
    ] {
        directory.write(name, name);
        set_permissions(directory.join(name), Permissions::from_mode(mode)).expect("a mode");
    }
    set_permissions(directory.join("public/pages"), Permissions::from_mode(0o711)).expect("a mode");
    let command = unprivileged_downtime(&directory);
    let gateway = GatewayProcess::run(directory, command);
    let head = gateway.connect().request("HEAD", "/unreadable", &[]);
    assert_eq!((head.status, gateway.get("/unreadable", &[]).status), (403, 403));
    assert_eq!(gateway.get("/a.js", &["Accept-Encoding: br"]).text(), "public/a.js");
    assert_eq!(gateway.get("/pages", &[]).field("location"), Some("/pages/"));
    assert_eq!(gateway.get("/pages/", &[]).text(), "public/pages/index.html");
}

/// Edits the file with a command.
fn edit(command: Command) -> (Output, String) {
    run(command, &["start", "--at", "2999-01-01T00:00:00Z"])
}

fn attributes(directory: &ConfigDirectory) -> Metadata {
    metadata(directory.join("downtime.toml")).expect("a file")
}

fn the_owner_is_kept() {
    let directory = ConfigDirectory::with("");
    chown(directory.join("downtime.toml"), Some(1234), Some(5678)).expect("an owner");
    let before = attributes(&directory).ino();
    let (output, error) = edit(downtime(&directory));
    assert!(output.status.success(), "{error}");
    let after = attributes(&directory);
    assert_ne!(after.ino(), before, "the file was replaced");
    assert_eq!((after.uid(), after.gid()), (1234, 5678));
}

fn an_owner_that_cannot_be_kept() {
    for owner in [0, NOBODY] {
        let directory = ConfigDirectory::with("");
        chown(directory.join("downtime.toml"), Some(owner), Some(0)).expect("an owner");
        let before = read_to_string(directory.join("downtime.toml")).expect("a file");
        let command = unprivileged_downtime(&directory);
        open_to_all(directory.path());
        let names = || std::fs::read_dir(directory.path()).expect("a directory").count();
        let files = names();
        let (output, error) = edit(command);
        assert_eq!(output.status.code(), Some(1));
        assert!(error.contains(&format!("belongs to user {owner} and group 0")), "{error}");
        assert!(error.contains("as that user and in that group"), "{error}");
        assert_eq!(read_to_string(directory.join("downtime.toml")).expect("a file"), before);
        assert_eq!(names(), files, "another file was left behind");
    }
}

/// Returns `user::rw-, user:1234:r--, group::r--, mask::r--, other::---` in the layout of `linux/posix_acl_xattr.h`.
fn access_list() -> Vec<u8> {
    let entries: [(u16, u16, u32); 5] = [(1, 6, !0), (2, 4, 1234), (4, 4, !0), (16, 4, !0), (32, 0, !0)];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend([&tag.to_le_bytes()[..], &permissions.to_le_bytes(), &id.to_le_bytes()].concat());
    }
    list
}

fn attributes_are_kept() -> Result<Completion, Failed> {
    let list = access_list();
    let attributes: [(&str, &[u8]); 2] =
        [("user.origin", b"https://example.com/"), ("system.posix_acl_access", &list)];
    for (name, value) in attributes {
        let directory = ConfigDirectory::with("");
        let path = directory.join("downtime.toml");
        if let Err(error) = setxattr(&path, name, value, XattrFlags::empty()) {
            return debian::ignore(format!("the file system does not take {name}: {error}"));
        }
        let (output, error) = edit(downtime(&directory));
        assert!(output.status.success(), "{error}");
        let mut kept = [0; 64];
        let length = getxattr(&path, name, &mut kept)?;
        assert_eq!(&kept[..length], value, "{name}");
    }
    Ok(Completion::Completed)
}

fn no_list_is_inherited() -> Result<Completion, Failed> {
    const DEFAULT: &str = "system.posix_acl_default";
    let directory = ConfigDirectory::with("");
    if let Err(error) = setxattr(directory.path(), DEFAULT, &access_list(), XattrFlags::empty()) {
        return debian::ignore(format!("the file system has no access lists: {error}"));
    }
    let mode = attributes(&directory).mode();
    let (output, error) = edit(downtime(&directory));
    assert!(output.status.success(), "{error}");
    assert_eq!(attributes(&directory).mode(), mode);
    let inherited = getxattr(directory.join("downtime.toml"), "system.posix_acl_access", &mut [0; 64]);
    assert!(inherited.is_err(), "the list came from the directory");
    Ok(Completion::Completed)
}

fn a_privileged_port() -> Result<Completion, Failed> {
    let open_from = read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if open_from.is_ok_and(|port| port.trim().parse().is_ok_and(|port: u16| port <= 1)) {
        return debian::ignore("net.ipv4.ip_unprivileged_port_start lets every user listen on port 1".into());
    }
    let directory = ConfigDirectory::with("[server]\nlisten = [\"127.0.0.1:1\"]\n");
    let (code, output) = Process::spawn(unprivileged_downtime(&directory)).end();
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("CAP_NET_BIND_SERVICE"), "{output}");
    Ok(Completion::Completed)
}
