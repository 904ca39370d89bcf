//! The examples in the documents are valid, and do what the text says.

use std::fs;

use super::Directory;
use super::document::MarkdownDocument;
use super::shipped::examples_of_periods;

#[test]
fn each_toml_example_is_valid_and_gives_no_warning() {
    let (mut count, mut in_yaml) = (0, 0);
    for document in MarkdownDocument::all() {
        let embedded = document.toml_in_yaml();
        in_yaml += embedded.len();
        for block in document.blocks_in("toml").into_iter().chain(embedded) {
            count += 1;
            let directory = Directory::with(&block);
            fs::create_dir(directory.path("public")).unwrap();
            assert_eq!(directory.problems(), "", "{}: {block}", document.path.display());
        }
    }
    assert!(count >= 8 && in_yaml >= 1, "too few were found");
}

#[test]
fn each_template_example_is_valid() {
    let templates = MarkdownDocument::read("docs/templates.md").blocks_in("html");
    assert!(!templates.is_empty(), "too few were found");
    for template in templates {
        let directory = Directory::with("[response]\ntemplate = \"page.html\"\n");
        fs::write(directory.path("page.html"), &template).unwrap();
        assert_eq!(directory.problems(), "", "{template}");
    }
}

#[test]
fn each_path_that_is_called_never_exempt_is_down() {
    let document = MarkdownDocument::read("docs/exemptions.md");
    let rows = document.section("Paths that are never exempt").lines().filter(|line| line.starts_with("| "));
    let paths: Vec<_> =
        rows.filter_map(|row| row.split(" | ").nth(1)?.strip_prefix('`')?.strip_suffix('`')).collect();
    assert_eq!(paths.len(), 13, "{paths:?}");
    let directory =
        Directory::with("[exempt]\npaths = [\"/admin/**\"]\n[[period]]\nstart = 2026-12-01T22:00:00Z\n");
    let urls = paths.iter().flat_map(|path| ["--url", path]);
    let arguments: Vec<_> =
        ["--at", "2026-12-01T22:00:00Z", "--url", "/admin/x"].into_iter().chain(urls).collect();
    let summary = directory.check_with(&arguments);
    let decisions = summary["decisions"].as_array().unwrap();
    let decisions: Vec<_> = decisions.iter().map(|decision| decision["decision"].as_str().unwrap()).collect();
    assert_eq!(decisions[0], "pass");
    assert_eq!(decisions[1..], ["unavailable"; 13]);
}

#[test]
fn no_example_of_a_series_has_an_end() {
    let blocks: Vec<_> =
        MarkdownDocument::all().iter().flat_map(|document| document.blocks_in("toml")).collect();
    let series: Vec<_> =
        examples_of_periods().chain(blocks).filter(|text| text.contains("\ncron = ")).collect();
    assert!(series.len() >= 2, "too few were found");
    for text in series {
        let tables = text.split("[[period]]").filter(|table| table.contains("\ncron = "));
        assert!(tables.clone().all(|table| !table.contains("\nend = ")), "{text}");
    }
}

#[test]
fn the_readme_is_short() {
    let length = MarkdownDocument::read("README.md").text.len();
    assert!(length <= 9 * 1024, "{length} bytes");
}
