//! `downtime`: the gateway that keeps a site's visitors well served while the site itself is down.

pub mod clock;
