//! The synchronous run loop shared by all runtimes: outputs in order, one commit per drain.
