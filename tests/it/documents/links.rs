//! The links between the documents.

use super::document::{MarkdownDocument, root};

#[test]
fn each_link_leads_to_an_existing_file_and_heading() {
    let mut count = 0;
    for document in MarkdownDocument::all() {
        let directory = document.path.parent().unwrap();
        for link in document.links().iter().filter(|link| !link.contains("://")) {
            count += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let path = if file.is_empty() { document.path.clone() } else { directory.join(file) };
            let place = format!("{}: {link}", document.path.display());
            assert!(root().join(&path).exists(), "{place}");
            if !anchor.is_empty() {
                let anchors = MarkdownDocument::read(path.to_str().unwrap()).anchors();
                assert!(anchors.iter().any(|known| known == anchor), "{place}: {anchors:?}");
            }
        }
    }
    assert!(count > 10, "too few were found");
}

#[test]
fn the_readme_links_each_document() {
    let readme = MarkdownDocument::read("README.md");
    let links = readme.links();
    for document in MarkdownDocument::all().iter().skip(1) {
        assert!(
            links.iter().any(|link| *link == document.path.to_string_lossy()),
            "{}",
            document.path.display()
        );
    }
}
