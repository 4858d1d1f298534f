//! Processes and signals: what ends when, and what stays behind.

mod ends;
mod guard;
mod signals;
mod survivors;
