//! The core as a WebAssembly module without imports: `.ci/run purity` loads it and compares what it does with what
//! the same code does natively.

#![no_std]

mod drive;

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// [`drive::drive`] under a name that the host finds.
#[unsafe(no_mangle)]
pub extern "C" fn drive(seed: u32) -> u32 {
    drive::drive(seed)
}
