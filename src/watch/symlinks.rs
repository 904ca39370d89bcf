//! The symbolic links between a path and its file.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// The limit of Linux (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// Returns the links that a path leads through, and the file at its end, whether it exists or not. Whatever changes the
/// file behind the path changes one of these entries, so watching their parent directories is enough.
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
    fn the_chain_has_every_link_and_the_file() {
        let temp = tempfile::tempdir().unwrap();
        let directory = temp.path().canonicalize().unwrap();
        std::fs::create_dir_all(directory.join("v1")).unwrap();
        std::fs::write(directory.join("v1/downtime.toml"), "").unwrap();
        symlink("v1", directory.join("..data")).unwrap();
        symlink("..data/downtime.toml", directory.join("downtime.toml")).unwrap();
        symlink(directory.join("v1/../downtime.toml"), directory.join("absolute")).unwrap();
        symlink("loop", directory.join("loop")).unwrap();
        let named = |names: &[&str]| names.iter().map(|name| directory.join(name)).collect::<Vec<_>>();
        for (path, expected) in [
            ("v1/downtime.toml", &["v1/downtime.toml"][..]),
            ("downtime.toml", &["downtime.toml", "..data", "v1/downtime.toml"]),
            ("absolute", &["absolute", "downtime.toml", "..data", "v1/downtime.toml"]),
            ("none/there", &["none/there"]),
        ] {
            assert_eq!(path_chain(&directory.join(path)), named(expected), "{path}");
        }
        assert_eq!(path_chain(&directory.join("loop")).len(), MAX_LINKS + 1);
    }
}
