//! The documents for users, as texts: the README and everything in `docs`.

use std::fs;
use std::path::{Path, PathBuf};

/// A document in Markdown.
pub(crate) struct MarkdownDocument {
    /// The path, relative to the repository.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// A fenced block of code.
pub(crate) struct Block {
    /// The language behind the fence.
    pub(crate) language: String,
    /// The comment on the line above the fence, without `<!--` and `-->`; empty if there is none.
    pub(crate) marker: String,
    /// The number of the first line of its content, from 0.
    pub(crate) first: usize,
    /// The lines between the fences.
    pub(crate) lines: Vec<String>,
}

impl MarkdownDocument {
    /// Reads a document of the repository.
    pub(crate) fn read(path: &str) -> Self {
        let text = fs::read_to_string(root().join(path)).expect(path);
        Self { path: path.into(), text }
    }

    /// Reads the README and all documents in `docs`.
    pub(crate) fn all() -> Vec<Self> {
        let mut paths: Vec<_> = ["docs", "docs/recipes"].into_iter().flat_map(markdown_files).collect();
        paths.sort();
        ["README.md".to_owned()].iter().chain(&paths).map(|path| Self::read(path)).collect()
    }

    pub(crate) fn write(&self) {
        fs::write(root().join(&self.path), &self.text).unwrap();
    }

    /// Returns the fenced blocks, in order.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let lines: Vec<&str> = self.text.lines().collect();
        let mut blocks = Vec::new();
        let mut at = 0;
        while at < lines.len() {
            if let Some(language) = lines[at].strip_prefix("```") {
                let length = lines[at + 1..].iter().take_while(|line| **line != "```").count();
                let above = at.checked_sub(1).map_or("", |above| lines[above]);
                blocks.push(Block {
                    language: language.to_owned(),
                    marker: comment(above).unwrap_or_default().to_owned(),
                    first: at + 1,
                    lines: lines[at + 1..at + 1 + length].iter().map(ToString::to_string).collect(),
                });
                at += length + 1;
            }
            at += 1;
        }
        blocks
    }

    /// Returns the content of the blocks in a language, each with a final line break.
    pub(crate) fn blocks_in(&self, language: &str) -> Vec<String> {
        let blocks = self.blocks().into_iter().filter(|block| block.language == language);
        blocks.map(|block| block.lines.join("\n") + "\n").collect()
    }

    /// Returns the configuration files that stand in blocks of YAML, as in a ConfigMap.
    pub(crate) fn toml_in_yaml(&self) -> Vec<String> {
        let blocks = self.blocks().into_iter().filter(|block| block.language == "yaml");
        blocks.flat_map(|block| literals(&block.lines, ".toml: |")).collect()
    }

    /// Returns the text below a heading, up to the next heading of any level.
    pub(crate) fn section(&self, heading: &str) -> &str {
        let start = self.text.find(&format!("# {heading}\n"));
        let start = start.unwrap_or_else(|| panic!("{}: no section {heading}", self.path.display()));
        let text = &self.text[start..];
        &text[..text.find("\n#").unwrap_or(text.len())]
    }

    /// Returns the anchors of its headings.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let mut anchors: Vec<String> = Vec::new();
        for heading in self.prose().lines().filter(|line| line.starts_with('#')) {
            let anchor = anchor(heading);
            let earlier = anchors.iter().filter(|earlier| **earlier == anchor).count();
            anchors.push(if earlier == 0 { anchor } else { format!("{anchor}-{earlier}") });
        }
        anchors
    }

    /// Returns the targets of its links and pictures.
    pub(crate) fn links(&self) -> Vec<String> {
        let prose = self.prose();
        let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        targets.map(|(target, _)| target.to_owned()).collect()
    }

    /// Returns the lines outside of fenced blocks.
    fn prose(&self) -> String {
        let mut is_code = false;
        let outside = self.text.lines().filter(|line| {
            let is_fence = line.starts_with("```");
            is_code ^= is_fence;
            !is_code && !is_fence
        });
        outside.collect::<Vec<_>>().join("\n")
    }
}

/// Returns the literal blocks of YAML behind the keys with this ending, without their indentation.
fn literals(lines: &[String], key: &str) -> Vec<String> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let keys = lines.iter().enumerate().filter(|(_, line)| line.ends_with(key));
    let literal = |(at, line): (usize, &String)| {
        let is_in_it = |next: &&String| next.is_empty() || indent(next) > indent(line);
        let literal: Vec<_> = lines[at + 1..].iter().take_while(is_in_it).collect();
        let depth = literal.first().map_or(0, |first| indent(first));
        literal.iter().map(|line| line.get(depth..).unwrap_or_default().to_owned() + "\n").collect()
    };
    keys.map(literal).collect()
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns true if what is generated is to be written into the documents.
pub(crate) fn is_overwriting() -> bool {
    std::env::var("SNAPSHOTS").is_ok_and(|action| action == "overwrite")
}

fn comment(line: &str) -> Option<&str> {
    Some(line.strip_prefix("<!--")?.strip_suffix("-->")?.trim())
}

/// Returns the anchor that GitHub gives a heading: its words in lower case, joined by hyphens.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    words.replace(|c: char| !c.is_alphanumeric() && !"-_".contains(c), "")
}

/// Returns the paths of the documents in a directory of the repository.
fn markdown_files(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(directory)).unwrap().map(|entry| entry.unwrap().path());
    let documents = entries.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    documents.map(|path| format!("{directory}/{}", path.file_name().unwrap().to_str().unwrap())).collect()
}
