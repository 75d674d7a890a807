//! The wires between clients and the server: when bytes arrive, and what can happen to them on the way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use super::Who;
use super::actor::Place;
use crate::clock::Time;
use crate::seed::Seed;
use crate::server::ConnId;

/// All connections. Without latency everything arrives at the moment it is sent.
#[derive(Debug)]
pub(super) struct Network {
    seed: Seed,
    /// Shortest and longest way of a message, in milliseconds.
    latency_ms: (u32, u32),
    /// Clients whose messages take longer for a while: how much, and until when.
    slow: BTreeMap<Who, (u32, Time)>,
    pipes: BTreeMap<ConnId, Pipe>,
    /// The first piece of every lane that has one.
    heads: BTreeSet<(Time, ConnId, Way)>,
}

/// One process of a client.
pub(super) type Owner = (Who, Place);

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// To the server.
    Up,
    /// To the client.
    Down,
}

/// What arrives at an end of a connection.
#[derive(Debug)]
pub(super) enum Piece {
    /// The connection is open; only on the way down.
    Open,
    /// Bytes.
    Bytes(Bytes),
    /// The other end closed it, or it broke.
    End,
}

/// Something that arrives now.
#[derive(Debug)]
pub(super) enum Arrival {
    /// At the server.
    Server(ConnId, Piece),
    /// At a client.
    Client(Owner, ConnId, Piece),
}

#[derive(Debug)]
struct Pipe {
    owner: Owner,
    up: Lane,
    down: Lane,
    /// Nothing arrives any more, and nobody is told.
    silent: bool,
    /// The client closed its end.
    shut: bool,
}

#[derive(Debug, Default)]
struct Lane {
    queue: VecDeque<(Time, Piece)>,
    /// Nothing arrives before the piece that was sent last, nor before a stall is over.
    earliest: Time,
    /// The connection breaks after this many more bytes.
    budget: Option<usize>,
}

impl Network {
    pub(super) fn new(seed: Seed) -> Self {
        Self {
            seed,
            latency_ms: (0, 0),
            slow: BTreeMap::new(),
            pipes: BTreeMap::new(),
            heads: BTreeSet::new(),
        }
    }

    pub(super) fn set_latency(&mut self, shortest_ms: u32, longest_ms: u32) {
        self.latency_ms = (shortest_ms, longest_ms.max(shortest_ms));
    }

    /// Makes everything of one client take longer until a moment.
    pub(super) fn slow_down(&mut self, who: Who, extra_ms: u32, until: Time) {
        self.slow.insert(who, (extra_ms, until));
    }

    /// A client connects.
    pub(super) fn open(&mut self, conn: ConnId, owner: Owner, now: Time) {
        let pipe = Pipe { owner, up: Lane::default(), down: Lane::default(), silent: false, shut: false };
        self.pipes.insert(conn, pipe);
        self.send(conn, Way::Down, Piece::Open, now);
    }

    /// Puts something on its way.
    pub(super) fn send(&mut self, conn: ConnId, way: Way, piece: Piece, now: Time) {
        let Some(pipe) = self.pipes.get_mut(&conn) else { return };
        if pipe.silent || (pipe.shut && way == Way::Down) {
            return;
        }
        let (shortest, longest) = self.latency_ms;
        let jitter = if longest > shortest { self.seed.below(longest - shortest + 1) } else { 0 };
        let extra = match self.slow.get(&pipe.owner.0) {
            Some((extra, until)) if now < *until => self.seed.below(*extra + 1),
            _ => 0,
        };
        let lane = pipe.lane(way);
        let due = Time(now.0 + u64::from(shortest + jitter + extra)).max(lane.earliest);
        lane.earliest = due;
        if lane.queue.is_empty() {
            self.heads.insert((due, conn, way));
        }
        lane.queue.push_back((due, piece));
    }

    /// The client closes: what it sent before still arrives, and then the end.
    pub(super) fn hang_up(&mut self, conn: ConnId, now: Time) {
        let Some(pipe) = self.pipes.get_mut(&conn) else { return };
        if pipe.silent {
            self.remove(conn);
            return;
        }
        pipe.shut = true;
        if let Some((due, _)) = pipe.down.queue.front() {
            self.heads.remove(&(*due, conn, Way::Down));
        }
        pipe.down.queue.clear();
        self.send(conn, Way::Up, Piece::End, now);
    }

    /// The connection breaks; what was on its way is lost. Says whether there was one.
    pub(super) fn remove(&mut self, conn: ConnId) -> bool {
        let Some(pipe) = self.pipes.remove(&conn) else { return false };
        for (lane, way) in [(pipe.up, Way::Up), (pipe.down, Way::Down)] {
            if let Some((due, _)) = lane.queue.front() {
                self.heads.remove(&(*due, conn, way));
            }
        }
        true
    }

    /// From now on nothing arrives at either end, and nobody is told.
    pub(super) fn silence(&mut self, conn: ConnId) -> bool {
        let Some(mut pipe) = self.pipes.remove(&conn) else { return false };
        for (lane, way) in [(&mut pipe.up, Way::Up), (&mut pipe.down, Way::Down)] {
            if let Some((due, _)) = lane.queue.front() {
                self.heads.remove(&(*due, conn, way));
            }
            lane.queue.clear();
        }
        pipe.silent = true;
        self.pipes.insert(conn, pipe);
        true
    }

    /// Holds everything back until a moment.
    pub(super) fn stall(&mut self, conn: ConnId, until: Time) -> bool {
        let Some(pipe) = self.pipes.get_mut(&conn) else { return false };
        for way in [Way::Up, Way::Down] {
            let lane = pipe.lane(way);
            lane.earliest = lane.earliest.max(until);
            let Some((head, _)) = lane.queue.front() else { continue };
            self.heads.remove(&(*head, conn, way));
            for (due, _) in &mut lane.queue {
                *due = (*due).max(until);
            }
            if let Some((head, _)) = lane.queue.front() {
                self.heads.insert((*head, conn, way));
            }
        }
        true
    }

    /// Breaks the connection after so many more bytes on one way.
    pub(super) fn cut_after(&mut self, conn: ConnId, way: Way, bytes: usize) -> bool {
        let Some(pipe) = self.pipes.get_mut(&conn).filter(|pipe| !pipe.silent) else { return false };
        pipe.lane(way).budget = Some(bytes);
        true
    }

    /// No more trouble: budgets and delays go, and silent connections are found out.
    pub(super) fn heal(&mut self) -> Vec<(ConnId, Owner)> {
        self.slow.clear();
        for pipe in self.pipes.values_mut() {
            pipe.up.budget = None;
            pipe.down.budget = None;
        }
        self.pipes.iter().filter(|(_, pipe)| pipe.silent).map(|(conn, pipe)| (*conn, pipe.owner)).collect()
    }

    /// When something arrives next.
    pub(super) fn next(&self) -> Option<Time> {
        self.heads.first().map(|(due, _, _)| *due)
    }

    /// What has arrived by now, in the order of time.
    pub(super) fn take(&mut self, now: Time) -> Option<Arrival> {
        let &(due, conn, way) = self.heads.first().filter(|(due, _, _)| *due <= now)?;
        self.heads.remove(&(due, conn, way));
        let pipe = self.pipes.get_mut(&conn)?;
        let (owner, lane) = (pipe.owner, pipe.lane(way));
        let (_, mut piece) = lane.queue.pop_front()?;
        if let (Piece::Bytes(bytes), Some(budget)) = (&mut piece, &mut lane.budget) {
            if bytes.len() > *budget {
                // The rest of the frame never comes: both ends see it break off.
                bytes.truncate(*budget);
                let (here, there) = (bytes.clone(), way.other());
                self.remove(conn);
                return self.broken(conn, owner, way, there, here, due);
            }
            *budget -= bytes.len();
        }
        match lane.queue.front() {
            Some((next, _)) => {
                self.heads.insert((*next, conn, way));
            }
            None if matches!(piece, Piece::End) => {
                self.remove(conn);
            }
            None => {}
        }
        Some(way.arrival(owner, conn, piece))
    }

    /// What is left of a connection that broke in the middle of a piece: its first bytes, then two ends.
    fn broken(
        &mut self,
        conn: ConnId,
        owner: Owner,
        way: Way,
        other: Way,
        bytes: Bytes,
        now: Time,
    ) -> Option<Arrival> {
        let mut pipe = Pipe { owner, up: Lane::default(), down: Lane::default(), silent: false, shut: false };
        for end in [way, other] {
            pipe.lane(end).queue.push_back((now, Piece::End));
            self.heads.insert((now, conn, end));
        }
        self.pipes.insert(conn, pipe);
        Some(way.arrival(owner, conn, Piece::Bytes(bytes)))
    }
}

impl Pipe {
    fn lane(&mut self, way: Way) -> &mut Lane {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }
}

impl Way {
    const fn other(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }

    const fn arrival(self, owner: Owner, conn: ConnId, piece: Piece) -> Arrival {
        match self {
            Self::Up => Arrival::Server(conn, piece),
            Self::Down => Arrival::Client(owner, conn, piece),
        }
    }
}
