//! Everything that can go wrong in a world, on demand.

use core::time::Duration;

use super::actor::Place;
use super::journal::Fact;
use super::network::Way;
use super::{Storage, Who, World};
use crate::clock::Time;
use crate::server::ConnId;

impl World {
    /// Notes in the journal that a fault struck.
    pub fn struck(&mut self, fault: impl Into<String>) {
        self.journal.note(self.now, Fact::Struck { fault: fault.into() }, &[]);
    }

    /// Every message takes a time between these from now on.
    pub fn set_latency(&mut self, shortest: Duration, longest: Duration) {
        self.network.set_latency(millis(shortest), millis(longest));
    }

    /// What one client sends and is sent takes up to this much longer, for a while.
    pub fn delay(&mut self, who: Who, extra: Duration, time: Duration) {
        self.network.slow_down(who, millis(extra), self.now.after(time));
    }

    /// Holds everything between a client and the server back for a while. Says whether it was connected.
    pub fn stall(&mut self, who: Who, time: Duration) -> bool {
        let until = self.now.after(time);
        self.wire(who).is_some_and(|conn| self.network.stall(conn, until))
    }

    /// Breaks a client's connection: both ends notice. Says whether there was one.
    pub fn cut(&mut self, who: Who) -> bool {
        let Some(conn) = self.wire(who) else { return false };
        self.network.remove(conn);
        self.server.closed(conn, self.now);
        self.actor(who).lose_connection(Place::Main);
        true
    }

    /// Breaks a client's connection after so many more bytes to the server, or from it.
    pub fn cut_after(&mut self, who: Who, to_server: bool, bytes: usize) -> bool {
        let way = if to_server { Way::Up } else { Way::Down };
        self.wire(who).is_some_and(|conn| self.network.cut_after(conn, way, bytes))
    }

    /// From now on the bytes of a client's connection vanish both ways, and nobody is told.
    pub fn silence(&mut self, who: Who) -> bool {
        self.wire(who).is_some_and(|conn| self.network.silence(conn))
    }

    /// Takes a client off the network; its connection breaks without a word.
    pub fn unplug(&mut self, who: Who) {
        self.actor(who).online = false;
        self.cut(who);
    }

    /// Gives a client the network back; it reconnects when its back-off says so.
    pub fn plug_in(&mut self, who: Who) {
        self.actor(who).online = true;
    }

    /// The server loses all connections and what was in flight.
    pub fn restart_server(&mut self) {
        self.server.restart(self.now);
    }

    /// The client's process dies: only its storage is left. Says whether it ran.
    pub fn crash(&mut self, who: Who) -> bool {
        let (actor, mut around) = self.scene(who);
        actor.crash(Place::Main, &mut around)
    }

    /// Starts a client over what its storage holds; one that runs dies first.
    pub fn restart(&mut self, who: Who) {
        self.ready.insert(who);
        let (actor, mut around) = self.scene(who);
        actor.start(Place::Main, &mut around);
    }

    /// The client's process dies, and is started again after a while.
    pub fn crash_for(&mut self, who: Who, down: Duration) -> bool {
        let at = self.now.after(down);
        if !self.crash(who) {
            return false;
        }
        self.actor(who).starts_at = Some(at);
        true
    }

    /// Starts a second process over a client's storage, as by mistake.
    pub fn start_twin(&mut self, who: Who) {
        self.ready.insert(who);
        let (actor, mut around) = self.scene(who);
        actor.start(Place::Twin, &mut around);
    }

    /// Ends the second process. Says whether it still ran.
    pub fn stop_twin(&mut self, who: Who) -> bool {
        let (actor, mut around) = self.scene(who);
        actor.crash(Place::Twin, &mut around)
    }

    /// Puts an older copy of a client's storage back, and starts it over that.
    pub fn put_back(&mut self, who: Who, copy: Storage) {
        self.crash(who);
        let unsent = self[who].storage.sent_unlike(&copy);
        self.actor(who).storage.put_back(copy);
        self.journal.note(self.now, Fact::PutBack { who, unsent }, &[]);
        self.restart(who);
    }

    /// No more trouble of the network and the server: what is broken without anybody knowing breaks openly.
    pub fn heal(&mut self) {
        self.server.heal();
        for (conn, (who, place)) in self.network.heal() {
            self.network.remove(conn);
            self.server.closed(conn, self.now);
            if self.actors[who.0].connection(place) == Some(conn) {
                self.actor(who).lose_connection(place);
            }
        }
        for who in self.everybody() {
            let actor = self.actor(who);
            actor.slow_storage = (Duration::ZERO, Time(0));
            actor.refuses_batches = 0;
            actor.put_out_fuse();
            actor.online = true;
        }
    }

    /// The connection of a client.
    fn wire(&self, who: Who) -> Option<ConnId> {
        self[who].connection(Place::Main)
    }
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
