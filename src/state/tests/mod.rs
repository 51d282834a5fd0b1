//! What must hold whatever happens, against plain models.

#[cfg(not(feature = "schedules"))]
mod machine;
#[cfg(not(feature = "schedules"))]
mod reference;
#[cfg(feature = "schedules")]
mod schedules;
