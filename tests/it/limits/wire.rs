//! Bounds of frames and nodes whose edge takes many bytes to reach.

use sanswire::limits::{FRAME_BUFFER_BYTES_MAX, NODE_CHILDREN_MAX, NODE_ENTRIES_MAX};
use sanswire::wire::frame::FrameBuffer;
use sanswire::wire::{NodeError, decode};

#[test]
fn unread_bytes_may_be_as_many_as_the_limit() {
    let mut buffer = FrameBuffer::new();
    // A frame of the greatest length that never ends.
    assert_eq!(buffer.push(&[0xff, 0xff, 0xff]), Ok(()));
    assert_eq!(buffer.push(&vec![0; FRAME_BUFFER_BYTES_MAX - 3]), Ok(()));
    assert!(buffer.push(&[0]).is_err());
    assert_eq!(buffer.len(), FRAME_BUFFER_BYTES_MAX);
}

#[test]
fn a_stanza_has_as_many_entries_as_the_limit() {
    // A root of sixteen lists, all full but the last.
    let groups = u8::try_from(NODE_ENTRIES_MAX / NODE_CHILDREN_MAX).unwrap();
    let last = NODE_ENTRIES_MAX - 1 - usize::from(groups) - usize::from(groups - 1) * NODE_CHILDREN_MAX;
    let stanza = |last: usize| {
        let mut frame = vec![0, 0xf8, 2, 3, 0xf8, groups];
        for group in 1..=groups {
            let children = if group == groups { last } else { NODE_CHILDREN_MAX };
            frame.extend_from_slice(&[0xf8, 2, 3, 0xf9]);
            frame.extend_from_slice(&u16::try_from(children).unwrap().to_be_bytes());
            frame.extend_from_slice(&[0xf8, 1, 3].repeat(children));
        }
        frame
    };
    assert!(decode(stanza(last)).is_ok());
    assert_eq!(decode(stanza(last + 1)).map(|_| ()), Err(NodeError::TooLarge));
}
