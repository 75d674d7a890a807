//! One running client: what it waits for, and what waits for it.

use std::collections::VecDeque;

use sanswire::{Input, Machine, Mono, Want};

use crate::clock::Time;
use crate::server::ConnId;

/// A client between its start and its end.
pub(super) struct Process {
    pub(super) client: Box<dyn Machine>,
    pub(super) life: u32,
    pub(super) connection: Option<ConnId>,
    pub(super) inputs: VecDeque<Input>,
    /// When it wants to be woken, if nothing comes before.
    pub(super) deadline: Option<Mono>,
    /// Its storage is at work until then: nothing further is carried out.
    pub(super) busy_until: Time,
    /// A load, and when it will be answered.
    pub(super) load: Option<(Time, Vec<Want>)>,
}

impl Process {
    pub(super) fn new(client: Box<dyn Machine>, life: u32, now: Time) -> Self {
        Self {
            client,
            life,
            connection: None,
            inputs: VecDeque::new(),
            // It has something to say from the start.
            deadline: Some(Mono(now.0)),
            busy_until: now,
            load: None,
        }
    }

    /// Forgets what came over a connection that is given up.
    pub(super) fn forget_connection(&mut self) -> Option<ConnId> {
        self.inputs.retain(|input| !matches!(input, Input::Received(_) | Input::Closed | Input::Connected));
        self.connection.take()
    }

    /// When there is something to do, given that nothing else comes.
    pub(super) fn alarm(&self) -> Option<Time> {
        let load = self.load.as_ref().map(|(due, _)| *due);
        let inputs = (!self.inputs.is_empty()).then_some(self.busy_until);
        let deadline = self.deadline.map(|Mono(ms)| Time(ms));
        let next = [load, inputs, deadline].into_iter().flatten().min();
        next.map(|at| at.max(self.busy_until))
    }
}
