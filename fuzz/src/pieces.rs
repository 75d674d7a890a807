//! Several byte strings in one input: each with a number that says what it is.

/// Reads `kind || length in two bytes, big endian || bytes`, over and over; a length beyond the end is cut.
pub fn pieces(mut input: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    core::iter::from_fn(move || {
        let (&[kind, high, low], rest) = input.split_first_chunk::<3>()?;
        let length = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (piece, rest) = rest.split_at(length);
        input = rest;
        Some((kind, piece))
    })
}

/// Writes what [`pieces`] reads. Longer pieces than two bytes can say are cut.
pub fn join<'a>(pieces: impl IntoIterator<Item = (u8, &'a [u8])>) -> Vec<u8> {
    let mut out = Vec::new();
    for (kind, piece) in pieces {
        let length = u16::try_from(piece.len()).unwrap_or(u16::MAX);
        out.push(kind);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&piece[..usize::from(length)]);
    }
    out
}
