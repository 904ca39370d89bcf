//! `[admin]` as it is in the file now.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{error, warn};

use crate::config::load::load_to_show;
use crate::config::{AdminConfig, Config, PeerSet};
use crate::logging::{Logging, SHOWN_BY_CHECK, first_error};
use crate::store::read::FileStamp;

/// The settings of the running admin page. All of `[admin]` follows the file, except the sockets.
#[derive(Debug)]
pub struct AdminSettings {
    file: PathBuf,
    logging: Option<Logging>,
    current: Mutex<ReadSettings>,
}

/// The settings, as they were read.
#[derive(Debug)]
struct ReadSettings {
    stamp: Option<FileStamp>,
    admin: Arc<AdminConfig>,
}

impl AdminSettings {
    /// Begins with the settings of a file that was just read. The level of `logging` follows the file too.
    pub fn new(file: &Path, admin: AdminConfig, stamp: Option<FileStamp>, logging: Option<Logging>) -> Self {
        let current = ReadSettings { stamp, admin: Arc::new(admin) };
        Self { file: file.to_owned(), logging, current: Mutex::new(current) }
    }

    /// Returns the settings. If the file has changed and is invalid, they stay as they were, and the log says so once.
    pub fn current(&self) -> Arc<AdminConfig> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = FileStamp::from_path(&self.file);
        if stamp.is_some() && stamp != current.stamp {
            current.stamp = stamp;
            let loaded = load_to_show(&self.file);
            if let Some((errors, first)) = first_error(&loaded.reading.diagnostics, SHOWN_BY_CHECK) {
                let file = self.file.display();
                error!(%file, errors, "{file} is not applied, and the last valid [admin] stays in effect: {first}");
            }
            if let Some(config) = loaded.reading.config {
                current.admin = Arc::new(self.apply(config, &current.admin));
            }
        }
        Arc::clone(&current.admin)
    }

    fn apply(&self, config: Config, before: &AdminConfig) -> AdminConfig {
        if let Some(logging) = &self.logging {
            logging.update(&config.log);
        }
        let sockets = |admin: &AdminConfig| (admin.listen.clone(), admin.link_socket.clone());
        match config.admin {
            Some(admin) if sockets(&admin) == sockets(before) => admin,
            Some(admin) => {
                warn!(
                    "[admin] listen and link_socket take effect at the next start; everything else is applied"
                );
                let (listen, link_socket) = sockets(before);
                AdminConfig { listen, link_socket, ..admin }
            }
            None => {
                warn!("the file has no [admin] any more: only links let operators in until the next start");
                AdminConfig {
                    listen: before.listen.clone(),
                    link_socket: before.link_socket.clone(),
                    hosts: Vec::new(),
                    users: None,
                    user_header: None,
                    trusted_proxies: PeerSet::default(),
                    tokens: None,
                }
            }
        }
    }
}
