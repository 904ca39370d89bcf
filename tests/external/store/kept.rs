//! An edit keeps the links that lead to the file, and the file's owner and attributes.

use std::fs::{self, create_dir, read_link};
use std::os::unix::fs::{MetadataExt as _, chown, symlink};
use std::path::Path;
use std::process::Stdio;

use libtest_mimic::{Completion, Failed, Trial};
use rustix::fs::{XattrFlags, getxattr, setxattr};

use super::{MINE, START, assert_alone, started, text};
use crate::debian;
use crate::support::process::{ConfigDirectory, downtime};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = trials![super::plain:
        an_edit_keeps_links_of_every_kind_and_changes_their_target,
        each_edit_follows_the_current_link,
    ];
    trials
        .push(Trial::ignorable_test("store::kept::an_edit_keeps_another_owner", an_edit_keeps_another_owner));
    trials.push(Trial::ignorable_test("store::kept::an_edit_keeps_extended_attributes", || {
        assert_kept(&EXTENDED)
    }));
    trials.push(Trial::ignorable_test("store::kept::an_edit_keeps_an_access_control_list", || {
        assert_kept(&[("system.posix_acl_access", &access_list())])
    }));
    trials
}

/// Starts a downtime, and asserts that the output names this file as edited.
#[track_caller]
fn start(directory: &ConfigDirectory, file: &Path) {
    let output = downtime(directory).args(START).stdout(Stdio::piped()).output().expect("the binary");
    assert!(output.status.success(), "{output:?}");
    let edited = format!("edited {}\n", file.canonicalize().expect("a file").display());
    assert!(String::from_utf8_lossy(&output.stdout).starts_with(&edited), "{output:?}");
}

/// Ends the downtime that `start` has planned.
#[track_caller]
fn end(directory: &ConfigDirectory) {
    let output = downtime(directory).args(["end", "db"]).output().expect("the binary");
    assert!(output.status.success(), "{output:?}");
}

/// Returns the text after `start` and `end`.
fn ended(text: &str) -> String {
    started(text) + "enabled = false\n"
}

fn an_edit_keeps_links_of_every_kind_and_changes_their_target() {
    let directory = ConfigDirectory::with("");
    for name in ["real", "releases", "releases/7"] {
        create_dir(directory.join(name)).expect("made");
    }
    // An absolute link, a link to a link to a directory, and relative links downwards and upwards.
    let links = [
        ("downtime.toml", directory.join("etc/site.toml")),
        ("etc", "current".into()),
        ("current", "releases/7".into()),
        ("releases/7/site.toml", "../shared.toml".into()),
        ("releases/shared.toml", "../real/site.toml".into()),
    ];
    fs::remove_file(directory.join("downtime.toml")).expect("removed");
    for (link, target) in &links {
        symlink(target, directory.join(link)).expect("a link");
    }
    let file = directory.join("real/site.toml");
    fs::write(&file, MINE).expect("written");
    start(&directory, &file);
    end(&directory);
    assert_eq!(fs::read_to_string(&file).expect("a file"), ended(MINE));
    assert!(fs::symlink_metadata(&file).expect("a file").is_file());
    for (link, target) in &links {
        assert_eq!(&read_link(directory.join(link)).expect("a link"), target);
    }
    for (name, entries) in [(".", 5), ("real", 1), ("releases", 2), ("releases/7", 1)] {
        assert_eq!(fs::read_dir(directory.join(name)).expect("a directory").count(), entries, "{name}");
    }
}

fn each_edit_follows_the_current_link() {
    let directory = ConfigDirectory::with("");
    let link = directory.join("downtime.toml");
    for target in ["one.toml", "two.toml"] {
        fs::write(directory.join(target), MINE).expect("written");
        fs::remove_file(&link).expect("removed");
        symlink(target, &link).expect("a link");
        start(&directory, &directory.join(target));
        assert_eq!(fs::read_to_string(directory.join(target)).expect("a file"), started(MINE));
    }
}

fn an_edit_keeps_another_owner() -> Result<Completion, Failed> {
    let directory = ConfigDirectory::with(MINE);
    let path = directory.join("downtime.toml");
    if let Err(error) = chown(&path, Some(1234), Some(5678)) {
        return Ok(Completion::ignored_with(format!("only root may change the owner of a file: {error}")));
    }
    edit(&directory);
    let metadata = fs::metadata(path)?;
    assert_eq!((metadata.uid(), metadata.gid()), (1234, 5678));
    Ok(Completion::Completed)
}

/// Starts a downtime and ends it.
fn edit(directory: &ConfigDirectory) {
    let old = text(directory);
    start(directory, &directory.join("downtime.toml"));
    end(directory);
    assert_alone(directory, &ended(&old));
}

type Attribute<'a> = (&'a str, &'a [u8]);

/// An attribute with a text, an empty one, and one with arbitrary bytes.
const EXTENDED: [Attribute; 3] =
    [("user.origin", b"https://example.com/"), ("user.empty", b""), ("user.bytes", &[0, 255, 10, 0])];

fn assert_kept(attributes: &[Attribute]) -> Result<Completion, Failed> {
    let directory = ConfigDirectory::with(MINE);
    let path = directory.join("downtime.toml");
    for (name, value) in attributes {
        if let Err(error) = setxattr(&path, *name, value, XattrFlags::empty()) {
            return debian::ignore(format!(
                "the file system of temporary files does not support {name}: {error}"
            ));
        }
    }
    let mode = fs::metadata(&path)?.mode();
    edit(&directory);
    for (name, value) in attributes {
        let mut kept = [0; 64];
        let length = getxattr(&path, *name, &mut kept)?;
        assert_eq!(&kept[..length], *value, "{name}");
    }
    assert_eq!(fs::metadata(&path)?.mode(), mode);
    Ok(Completion::Completed)
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
