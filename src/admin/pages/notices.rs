//! What became of an edit, for the page that the browser opens after it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::problem::ProblemItem;
use crate::hex;

/// The number of notices that are kept.
const MAX_NOTICES: usize = 64;

/// The latest notices, by their keys.
#[derive(Debug, Default)]
pub(in crate::admin) struct Notices(Mutex<VecDeque<(String, Notice)>>);

/// What became of an edit.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Notice {
    pub(super) lines: Vec<String>,
    pub(super) warnings: Vec<ProblemItem>,
    /// True if it is not known that the gateway has applied it.
    pub(super) is_unsure: bool,
}

impl Notices {
    /// Keeps a notice for a while, and returns its key.
    pub(super) fn keep(&self, notice: Notice) -> String {
        let mut bytes = [0; 8];
        // A key that is not random shows somebody else's notice at worst.
        getrandom::fill(&mut bytes).ok();
        let key = hex::encode(&bytes);
        let mut notices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notices.push_back((key.clone(), notice));
        if notices.len() > MAX_NOTICES {
            notices.pop_front();
        }
        key
    }

    /// Returns the notice with this key.
    pub(super) fn get(&self, key: &str) -> Option<Notice> {
        let notices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notices.iter().find(|(other, _)| other == key).map(|(_, notice)| notice.clone())
    }
}
