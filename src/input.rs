//! What an adapter tells the client.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::event::EventId;
use crate::ops::{CallId, Operation};

/// One thing that happened. Handle one, then poll until [`Output::Wait`](crate::Output::Wait).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Input {
    /// The connection that [`Output::Connect`](crate::Output::Connect) asked for is open (WebSocket upgraded).
    Connected,
    /// Bytes from the server, in any split: WebSocket messages need not be kept apart.
    Received(Bytes),
    /// The connection ended or could not be opened.
    Closed,
    /// Time has passed; answers [`Output::Wait`](crate::Output::Wait) when its deadline came.
    Tick,
    /// The answer to [`Output::Load`](crate::Output::Load): one [`Found`] per [`Want`](crate::Want), in
    /// order, read after every earlier [`Output::Store`](crate::Output::Store) was applied.
    Loaded(Vec<Found>),
    /// The application asks for something; the answer comes as [`Output::Reply`](crate::Output::Reply) under
    /// the same id.
    Call(CallId, Operation),
    /// The application has dealt with an event: it will not be given again after a restart.
    Seen(EventId),
    /// Close the connection and make no new one. The client may be dropped at the next
    /// [`Output::Wait`](crate::Output::Wait).
    Shutdown,
}

/// What storage holds for one [`Want`](crate::Want).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// For [`Want::Get`](crate::Want::Get): the value, or its absence.
    Value(Option<Bytes>),
    /// For [`Want::Scan`](crate::Want::Scan): keys and values in ascending order of key.
    Rows(Vec<(Vec<u8>, Bytes)>),
}
