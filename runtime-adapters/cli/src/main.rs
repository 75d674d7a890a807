//! The `sanswire` command.

fn main() {}
