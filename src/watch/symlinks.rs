//! The way from a path to its file: each symbolic link on it, and the file itself.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// As many as Linux follows (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// The links that a path leads through and the file at its end, existing or not. A change to the path's meaning is a
/// change of one of their entries, so to watch their parent folders is to miss none.
pub fn path_chain(path: &Path) -> Vec<PathBuf> {
    let mut chain = Vec::new();
    let mut resolved = PathBuf::new();
    let mut rest: VecDeque<OsString> = components(path).collect();
    while let Some(component) = rest.pop_front() {
        if component == ".." {
            resolved.pop();
            continue;
        }
        let here = resolved.join(&component);
        match std::fs::read_link(&here) {
            Ok(target) if chain.len() < MAX_LINKS => {
                chain.push(here);
                for component in components(&target).rev() {
                    rest.push_front(component);
                }
                if target.is_absolute() {
                    resolved = PathBuf::new();
                }
            }
            _ => resolved = here,
        }
    }
    chain.push(resolved);
    chain
}

fn components(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    path.components().filter(|c| *c != Component::CurDir).map(|c| c.as_os_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn every_link_on_the_way_is_a_hop() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().canonicalize().unwrap();
        std::fs::create_dir_all(folder.join("v1")).unwrap();
        std::fs::write(folder.join("v1/downtime.toml"), "").unwrap();
        symlink("v1", folder.join("..data")).unwrap();
        symlink("..data/downtime.toml", folder.join("downtime.toml")).unwrap();
        symlink(folder.join("v1/../downtime.toml"), folder.join("absolute")).unwrap();
        symlink("loop", folder.join("loop")).unwrap();
        let named = |names: &[&str]| names.iter().map(|name| folder.join(name)).collect::<Vec<_>>();
        for (path, expected) in [
            ("v1/downtime.toml", &["v1/downtime.toml"][..]),
            ("downtime.toml", &["downtime.toml", "..data", "v1/downtime.toml"]),
            ("absolute", &["absolute", "downtime.toml", "..data", "v1/downtime.toml"]),
            ("none/there", &["none/there"]),
        ] {
            assert_eq!(path_chain(&folder.join(path)), named(expected), "{path}");
        }
        assert_eq!(path_chain(&folder.join("loop")).len(), MAX_LINKS + 1);
    }
}
