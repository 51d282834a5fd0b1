//! Real200 gateway.
