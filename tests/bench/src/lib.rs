//! Benchmarks: ours, wacore and the floor in one run.
