//! Who acts when: arrivals, clients and the server, until nothing is left for this moment.

use core::time::Duration;

use super::actor::Around;
use super::journal::Fact;
use super::network::{Arrival, Piece, Way};
use super::{Who, World};
use crate::clock::Time;
use crate::server::{Happening, ServerOutput};

impl World {
    /// Lets everybody talk until nobody has anything to say at this moment.
    pub fn run(&mut self) {
        let (mut rounds, mut ticked) = (0, false);
        loop {
            let busy = self.round();
            if !busy && ticked {
                return;
            }
            if !busy {
                // Behind the clients: what both would give up at this moment, the client gives up.
                self.server.tick(self.now);
                ticked = true;
            }
            rounds += 1;
            assert!(rounds < ROUNDS_MAX, "the world does not come to rest");
        }
    }

    /// Lets time pass, stopping at every deadline on the way.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(self.now.after(time));
    }

    /// Lets time pass until a moment.
    pub fn run_until(&mut self, end: Time) {
        self.run();
        while let Some(next) = self.next_deadline().filter(|next| *next <= end) {
            self.now = next.max(self.now);
            self.run();
        }
        self.now = self.now.max(end);
        self.run();
    }

    /// One pass over everything that is due. Says whether anything was.
    fn round(&mut self) -> bool {
        let mut busy = false;
        while let Some(output) = self.server.poll() {
            busy = true;
            match output {
                ServerOutput::Send { conn, bytes } => {
                    self.network.send(conn, Way::Down, Piece::Bytes(bytes), self.now)
                }
                ServerOutput::Close { conn } => self.network.send(conn, Way::Down, Piece::End, self.now),
            }
        }
        while let Some(arrival) = self.network.take(self.now) {
            busy = true;
            match arrival {
                Arrival::Server(conn, Piece::Bytes(bytes)) => self.server.receive(conn, &bytes, self.now),
                Arrival::Server(conn, _) => self.server.closed(conn, self.now),
                Arrival::Client((who, place), conn, piece) => self.actor(who).arrived(place, conn, piece),
            }
        }
        while let Some((at, who)) = self.alarms.first().copied().filter(|(at, _)| *at <= self.now) {
            self.alarms.remove(&(at, who));
            self.alarm_of[who.0] = None;
            self.ready.insert(who);
        }
        while let Some(who) = self.ready.pop_first() {
            let (actor, mut around) = self.scene(who);
            busy |= actor.work(&mut around);
            self.set_alarm(who);
        }
        self.read_server_log();
        busy
    }

    /// A client and what it acts upon.
    pub(super) fn scene(&mut self, who: Who) -> (&mut super::Actor, Around<'_>) {
        let around = Around {
            server: &mut self.server,
            network: &mut self.network,
            journal: &mut self.journal,
            now: self.now,
        };
        (&mut self.actors[who.0], around)
    }

    fn set_alarm(&mut self, who: Who) {
        let next = self.actors[who.0].alarm();
        if let Some(old) = core::mem::replace(&mut self.alarm_of[who.0], next) {
            self.alarms.remove(&(old, who));
        }
        self.alarms.extend(next.map(|at| (at, who)));
    }

    fn next_deadline(&self) -> Option<Time> {
        let clients = self.alarms.first().map(|(at, _)| *at);
        [clients, self.server.next_deadline(), self.network.next()].into_iter().flatten().min()
    }

    fn read_server_log(&mut self) {
        for happening in self.server.read_log() {
            let fact = match happening {
                Happening::Took { from, id, chat, order, to } => Fact::Took { from, id, chat, order, to },
                Happening::Resent { from, id, to } => Fact::Resent { from, id, to },
                Happening::Heard { by, from, id } => Fact::Heard { by, from, id },
            };
            self.journal.note(self.now, fact, &[]);
        }
    }
}

/// More rounds without the clock moving mean that two sides answer each other for ever.
const ROUNDS_MAX: u32 = 100_000;
