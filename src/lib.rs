//! Real200: one binary that hands out API keys, forwards LLM calls, counts every token and cent, and shows it all.

pub mod clock;
pub mod crypto;
pub mod domain;
pub mod state;
pub mod storage;
