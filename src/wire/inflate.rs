//! Compressed frames. Reference 03 §1.

use alloc::vec::Vec;

use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};

use super::decode::NodeError;
use crate::limits::INFLATED_BYTES_MAX;

/// The content of a zlib stream; bytes after its end are ignored. The limit holds while inflating: a bomb
/// costs no more memory than the largest frame.
pub(super) fn inflate(stream: &[u8]) -> Result<Vec<u8>, NodeError> {
    decompress_to_vec_zlib_with_limit(stream, INFLATED_BYTES_MAX).map_err(|error| match error.status {
        TINFLStatus::HasMoreOutput => NodeError::TooLarge,
        _ => NodeError::Zlib,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_ends_at_the_limit() {
        let full = alloc::vec![0u8; INFLATED_BYTES_MAX + 1];
        let (exact, _) = full.split_at(INFLATED_BYTES_MAX);
        let stream = miniz_oxide::deflate::compress_to_vec_zlib(exact, 6);
        assert_eq!(inflate(&stream).map(|bytes| bytes.len()), Ok(INFLATED_BYTES_MAX));
        let stream = miniz_oxide::deflate::compress_to_vec_zlib(&full, 6);
        assert_eq!(inflate(&stream), Err(NodeError::TooLarge));
    }
}
