//! The pages as their readers meet them: in a browser, with and without scripts, and as text.
//!
//! - [`journey`]: upload, ask, watch, cancel, filter, in a real browser.
//! - [`readers`]: what a page owes every reader: no barriers, light and dark, phones; with screenshots in
//!   `target/screenshots`.
//! - [`text`]: what clients wrote stays text; forms, policy and sizes.
//! - [`crowd`]: a hundred thousand jobs.
//! - [`browser`]: Chromium, driven over WebDriver.

mod browser;
mod crowd;
mod journey;
mod readers;
mod text;
