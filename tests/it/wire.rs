//! Nodes and JIDs: the reference's vectors, and what holds for all of them.

mod jids;
mod nodes;
mod properties;
