//! Which codec a dialect has: the one place that names them all.
