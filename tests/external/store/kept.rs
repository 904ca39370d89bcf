//! What the file is reached by, and what it has beside its text, is kept (row W14).

use std::fs::{self, create_dir, read_link};
use std::os::unix::fs::{MetadataExt as _, chown, symlink};
use std::path::Path;
use std::process::Stdio;

use libtest_mimic::{Completion, Failed, Trial};
use rustix::fs::{XattrFlags, getxattr, setxattr};

use super::{MINE, START, assert_alone, started, text};
use crate::debian;
use crate::support::process::{Folder, downtime};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = trials![super::plain:
        links_of_every_kind_on_the_way_stay_and_the_file_that_they_lead_to_is_edited,
        a_link_is_followed_anew_by_each_edit,
    ];
    trials.push(Trial::ignorable_test("store::kept::another_owner_is_kept", another_owner_is_kept));
    trials.push(Trial::ignorable_test("store::kept::extended_attributes_are_kept", || are_kept(&EXTENDED)));
    trials.push(Trial::ignorable_test("store::kept::an_access_control_list_is_kept", || {
        are_kept(&[("system.posix_acl_access", &access_list())])
    }));
    trials
}

/// Starts a downtime, and asserts that it says which file it edited.
#[track_caller]
fn start(folder: &Folder, file: &Path) {
    let output = downtime(folder).args(START).stdout(Stdio::piped()).output().expect("the binary");
    assert!(output.status.success(), "{output:?}");
    let edited = format!("edited {}\n", file.canonicalize().expect("a file").display());
    assert!(String::from_utf8_lossy(&output.stdout).starts_with(&edited), "{output:?}");
}

/// Ends what `start` has planned.
#[track_caller]
fn end(folder: &Folder) {
    let output = downtime(folder).args(["end", "db"]).output().expect("the binary");
    assert!(output.status.success(), "{output:?}");
}

/// The text with what `start` and `end` write into it.
fn ended(text: &str) -> String {
    started(text) + "enabled = false\n"
}

fn links_of_every_kind_on_the_way_stay_and_the_file_that_they_lead_to_is_edited() {
    let folder = Folder::with("");
    for name in ["real", "releases", "releases/7"] {
        create_dir(folder.join(name)).expect("made");
    }
    // An absolute link, one to a link to a folder, and relative ones, down and up.
    let links = [
        ("downtime.toml", folder.join("etc/site.toml")),
        ("etc", "current".into()),
        ("current", "releases/7".into()),
        ("releases/7/site.toml", "../shared.toml".into()),
        ("releases/shared.toml", "../real/site.toml".into()),
    ];
    fs::remove_file(folder.join("downtime.toml")).expect("removed");
    for (link, target) in &links {
        symlink(target, folder.join(link)).expect("a link");
    }
    let file = folder.join("real/site.toml");
    fs::write(&file, MINE).expect("written");
    start(&folder, &file);
    end(&folder);
    assert_eq!(fs::read_to_string(&file).expect("a file"), ended(MINE));
    assert!(fs::symlink_metadata(&file).expect("a file").is_file());
    for (link, target) in &links {
        assert_eq!(&read_link(folder.join(link)).expect("a link"), target);
    }
    for (name, entries) in [(".", 5), ("real", 1), ("releases", 2), ("releases/7", 1)] {
        assert_eq!(fs::read_dir(folder.join(name)).expect("a folder").count(), entries, "{name}");
    }
}

fn a_link_is_followed_anew_by_each_edit() {
    let folder = Folder::with("");
    let link = folder.join("downtime.toml");
    for target in ["one.toml", "two.toml"] {
        fs::write(folder.join(target), MINE).expect("written");
        fs::remove_file(&link).expect("removed");
        symlink(target, &link).expect("a link");
        start(&folder, &folder.join(target));
        assert_eq!(fs::read_to_string(folder.join(target)).expect("a file"), started(MINE));
    }
}

fn another_owner_is_kept() -> Result<Completion, Failed> {
    let folder = Folder::with(MINE);
    let path = folder.join("downtime.toml");
    if let Err(error) = chown(&path, Some(1234), Some(5678)) {
        return Ok(Completion::ignored_with(format!("only root gives a file away: {error}")));
    }
    edit(&folder);
    let metadata = fs::metadata(path)?;
    assert_eq!((metadata.uid(), metadata.gid()), (1234, 5678));
    Ok(Completion::Completed)
}

/// Starts a downtime and ends it.
fn edit(folder: &Folder) {
    let old = text(folder);
    start(folder, &folder.join("downtime.toml"));
    end(folder);
    assert_alone(folder, &ended(&old));
}

type Attribute<'a> = (&'a str, &'a [u8]);

/// A text, an empty one, and one that is no text.
const EXTENDED: [Attribute; 3] =
    [("user.origin", b"https://example.com/"), ("user.empty", b""), ("user.bytes", &[0, 255, 10, 0])];

fn are_kept(attributes: &[Attribute]) -> Result<Completion, Failed> {
    let folder = Folder::with(MINE);
    let path = folder.join("downtime.toml");
    for (name, value) in attributes {
        if let Err(error) = setxattr(&path, *name, value, XattrFlags::empty()) {
            return debian::ignored(format!("the file system of temporary files keeps no {name}: {error}"));
        }
    }
    let mode = fs::metadata(&path)?.mode();
    edit(&folder);
    for (name, value) in attributes {
        let mut kept = [0; 64];
        let length = getxattr(&path, *name, &mut kept)?;
        assert_eq!(&kept[..length], *value, "{name}");
    }
    assert_eq!(fs::metadata(&path)?.mode(), mode);
    Ok(Completion::Completed)
}

/// `user::rw-, user:1234:r--, group::r--, mask::r--, other::---`, as `linux/posix_acl_xattr.h` lays it out.
fn access_list() -> Vec<u8> {
    let entries: [(u16, u16, u32); 5] = [(1, 6, !0), (2, 4, 1234), (4, 4, !0), (16, 4, !0), (32, 0, !0)];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend([&tag.to_le_bytes()[..], &permissions.to_le_bytes(), &id.to_le_bytes()].concat());
    }
    list
}
