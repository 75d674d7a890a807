//! The number that `.ci/run purity` expects of the core as a WebAssembly module.

#[path = "../purity/src/drive.rs"]
mod drive;

/// `.ci/run` reads this line: the module without imports must compute the same.
const EXPECTED: (u32, u32) = (7, 3_923_304_689);

#[test]
fn same_code_computes_the_same_number_natively() {
    let (seed, expected) = EXPECTED;
    assert_eq!(drive::drive(seed), expected);
    assert_ne!(drive::drive(seed + 1), expected);
}
