//! The table of modules in `src/lib.rs` is true, and modules import only what is above them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A row of the table.
struct TableRow {
    module: String,
    imports: BTreeSet<String>,
}

#[test]
fn the_table_has_each_module_with_its_imports() {
    let rows = rows();
    let documented: BTreeSet<_> = rows.iter().map(|row| row.module.clone()).collect();
    assert_eq!(documented, modules());
    for row in &rows {
        assert_eq!(imports(&row.module, &documented), row.imports, "imports of {}", row.module);
    }
}

#[test]
fn a_module_imports_only_modules_above_it_in_the_table() {
    let mut above = BTreeSet::new();
    for row in rows() {
        let below: Vec<_> = row.imports.difference(&above).collect();
        assert!(below.is_empty(), "{} imports {below:?}", row.module);
        above.insert(row.module);
    }
}

#[test]
fn imports_are_found_in_code_and_not_in_comments() {
    let modules = BTreeSet::from(["a", "b", "c", "d"].map(String::from));
    let text = "use crate::a::A;\n/// See [`crate::b`].\nfn f() { crate::c::g(); \"downtime::d\" }\nuse crate::axle;";
    assert_eq!(named_modules(text, &modules), BTreeSet::from(["a", "c"].map(String::from)));
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn lib() -> String {
    fs::read_to_string(source().join("lib.rs")).unwrap()
}

/// Returns the modules that `lib.rs` declares.
fn modules() -> BTreeSet<String> {
    let text = lib();
    let declared = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    declared.map(str::to_owned).collect()
}

fn rows() -> Vec<TableRow> {
    let text = lib();
    let lines = text.lines().filter_map(|line| line.strip_prefix("//! | [`"));
    let rows = lines.map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let imports = cells[2].split(',').map(str::trim).filter(|name| !name.is_empty());
        TableRow {
            module: cells[0].trim_end_matches("`]").to_owned(),
            imports: imports.map(str::to_owned).collect(),
        }
    });
    rows.collect()
}

/// Returns the other modules that the files of a module import.
fn imports(module: &str, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let mut texts = vec![fs::read_to_string(source().join(module).with_extension("rs")).unwrap()];
    read_directory(&source().join(module), &mut texts);
    assert!(
        texts.iter().all(|text| !text.contains("crate::{")),
        "each import of {module} has a line of its own"
    );
    let mut imports: BTreeSet<_> = texts.iter().flat_map(|text| named_modules(text, modules)).collect();
    imports.remove(module);
    imports
}

/// Reads all files below a directory, if it exists.
fn read_directory(directory: &Path, texts: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_directory(&path, texts);
        } else {
            texts.push(fs::read_to_string(path).unwrap());
        }
    }
}

/// Returns the modules that follow `crate::` in code.
fn named_modules(text: &str, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let names = code.flat_map(|line| line.split("crate::").skip(1));
    let names =
        names.map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default());
    names.filter(|name| modules.contains(*name)).map(str::to_owned).collect()
}
