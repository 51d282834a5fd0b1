//! The store as a whole: what it promises, kept through restarts, crashes, faults and damage.

mod damage;
mod examination;
mod faults;
mod journal;
mod model;
mod queries;
mod samples;
