//! Copies mode, owner, access control list and extended attributes to the new file.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, fchown};

use rustix::buffer::spare_capacity;
use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};
use rustix::io::Errno;

use super::Reason;

/// The maximum length of all names together, and of one value, in bytes (xattr(7)).
const MAX_EXTENDED: usize = 65536;

/// Copies the attributes of `old` to `new`. The owner comes first, since changing it resets parts of the mode; the mode
/// comes last, since an access control list changes it.
pub(super) fn copy(old: &File, metadata: &Metadata, new: &File) -> Result<(), Reason> {
    let (user, group) = (metadata.uid(), metadata.gid());
    let failed = |error| Reason::from_ownership(user, group, error);
    let current = new.metadata().map_err(failed)?;
    let new_user = Some(user).filter(|user| *user != current.uid());
    let new_group = Some(group).filter(|group| *group != current.gid());
    if new_user.is_some() || new_group.is_some() {
        fchown(new, new_user, new_group).map_err(failed)?;
    }
    copy_extended(old, new)?;
    new.set_permissions(metadata.permissions()).map_err(failed)
}

fn copy_extended(old: &File, new: &File) -> Result<(), Reason> {
    let wanted = names(old)?;
    for name in names(new)?.iter().filter(|name| !wanted.contains(name)) {
        check(name, fremovexattr(new, name.as_slice()))?;
    }
    for name in &wanted {
        check(name, copy_value(old, new, name))?;
    }
    Ok(())
}

fn copy_value(old: &File, new: &File, name: &[u8]) -> rustix::io::Result<()> {
    let value = value(old, name)?;
    if self::value(new, name).as_ref() == Ok(&value) {
        return Ok(());
    }
    fsetxattr(new, name, &value, XattrFlags::empty())
}

/// Passes on errors about attributes that a user or an administrator has set. The others (labels, capabilities) belong to
/// the kernel's security modules, which label a new file by their own rules and may refuse any other label.
fn check(name: &[u8], result: rustix::io::Result<()>) -> Result<(), Reason> {
    let is_user_set = name.starts_with(b"user.") || name.starts_with(b"system.posix_acl_");
    match result {
        Err(error) if is_user_set => Err(Reason::from_attribute(name, error.into())),
        _ => Ok(()),
    }
}

fn names(file: &File) -> Result<Vec<Vec<u8>>, Reason> {
    let mut names = Vec::with_capacity(MAX_EXTENDED);
    match flistxattr(file, spare_capacity(&mut names)) {
        Ok(_) => {
            Ok(names.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect())
        }
        Err(Errno::NOTSUP | Errno::NOSYS) => Ok(Vec::new()),
        Err(error) => Err(Reason::Io("be read", io::Error::from(error))),
    }
}

fn value(file: &File, name: &[u8]) -> rustix::io::Result<Vec<u8>> {
    let mut value = Vec::with_capacity(MAX_EXTENDED);
    fgetxattr(file, name, spare_capacity(&mut value))?;
    Ok(value)
}
