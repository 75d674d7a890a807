//! What can happen to a client, one thing at a time.

use core::time::Duration;

use arbitrary::{Result, Unstructured};
use sanswire::event::EventId;
use sanswire::link::{Logout, SetAvailable};
use sanswire::messaging::{MarkRead, SendMessage};
use sanswire::wire::{Jid, Node};
use sanswire::{Input, Table};

use super::stanzas::{Source, blob};
use super::{Stage, bob};

impl Stage {
    /// One of all things, as the input says.
    pub(super) fn act(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        match u.int_in_range(0..=31)? {
            0..=11 => self.hostile(u)?,
            12 | 13 => self.good(u)?,
            14 => self.spoiled(u)?,
            15 => self.repeated(u)?,
            16 => self.garbage(u)?,
            17 => self.time(u)?,
            18 => self.clock(u)?,
            19 => self.network(u)?,
            20 => self.storage(u)?,
            21..=23 => self.call(u)?,
            24 => self.confirm(u)?,
            25 | 26 => self.settle(),
            27 => self.log_in(),
            28 => self.acks(u)?,
            29 => self.out_of_place(u)?,
            30 => self.damage(u)?,
            _ => self.script.restart(),
        }
        Ok(())
    }

    fn tell(&mut self, stanza: &Node<'static>) {
        if self.script.is_open() {
            self.script.send(stanza);
            self.told.truncate(7);
            self.told.insert(0, stanza.clone());
        }
    }

    fn hostile(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let stanza = Source { flight: &self.flight, peers: &mut self.peers }.stanza(u)?;
        // What has no wire form cannot be said.
        if sanswire::wire::encode(&stanza).is_ok() {
            self.tell(&stanza);
        }
        Ok(())
    }

    /// A peer's message as it should be; the ids repeat.
    fn good(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let peer = u.choose_index(self.peers.len())?;
        let id = format!("text-{}", u.int_in_range(0..=3)?);
        let text = self.peers[peer].text(&id, "text");
        let text = if u.ratio(1, 4)? { text.attr("offline", "1") } else { text };
        self.tell(&text);
        Ok(())
    }

    /// A peer's message that was altered on its way, or whose content makes no sense.
    fn spoiled(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let peer = u.choose_index(self.peers.len())?;
        let peer = &mut self.peers[peer];
        let enc = if u.ratio(1, 2)? {
            peer.seal(&blob(u)?)
        } else {
            let enc = peer.seal(b"\x0a\x04text\x02\x02");
            let mut bytes = enc.content_bytes().unwrap_or_default().to_vec();
            let at = u.choose_index(bytes.len())?;
            bytes[at] ^= 1 << u.int_in_range(0..=7)?;
            let kind = enc.get("type").unwrap_or_default().into_owned();
            Node::new("enc").attr("v", "2").attr("type", kind).bytes(bytes)
        };
        let stanza = peer.envelope("B").child(enc);
        self.tell(&stanza);
        Ok(())
    }

    fn repeated(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        if !self.told.is_empty() {
            let stanza = self.told[u.choose_index(self.told.len())?].clone();
            self.tell(&stanza);
        }
        Ok(())
    }

    /// Bytes that are no stanza, no frame, or no handshake.
    fn garbage(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let bytes = blob(u)?;
        match u.int_in_range(0..=2)? {
            0 if self.script.is_open() => self.script.send_plaintext(&bytes),
            1 => self.script.send_frame(&bytes),
            _ => self.script.send_bytes(bytes.into()),
        }
        Ok(())
    }

    fn time(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let seconds = match u.int_in_range(0..=3)? {
            0 => u.int_in_range(0..=5)?,
            1 | 2 => u.int_in_range(0..=120)?,
            _ => u.int_in_range(0..=4_000)?,
        };
        self.script.advance(Duration::from_secs(seconds));
        Ok(())
    }

    /// The wall clock jumps, in either direction.
    fn clock(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let ms = match u.int_in_range(0..=3)? {
            0 => u.int_in_range(-5_000..=5_000)?,
            1 | 2 => u.int_in_range(-86_400_000..=86_400_000)?,
            _ => {
                self.lost_track = true;
                u.arbitrary()?
            }
        };
        self.watch.skew(ms);
        self.script.run();
        Ok(())
    }

    fn network(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        match u.int_in_range(0..=4)? {
            0 => self.script.close(),
            1 => self.script.connects ^= true,
            2 => {
                // A server that does not listen gets nothing: what it missed would be missing in the middle.
                self.script.greets ^= true;
                self.script.close();
            }
            3 => self.script.pongs ^= true,
            _ => {
                self.script.close();
                self.script.advance(Duration::from_secs(2));
            }
        }
        Ok(())
    }

    /// Storage answers late, or the application confirms late.
    fn storage(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        if u.ratio(1, 2)? {
            self.script.loads ^= true;
        } else {
            self.script.confirms ^= true;
        }
        self.script.run();
        Ok(())
    }

    fn call(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let to = match u.int_in_range(0..=5)? {
            0..=2 => bob(0).bare().into_owned(),
            3 => sanswire_sim::script::own_number().bare().into_owned(),
            4 => Jid::group("120363000000000001"),
            _ => Jid::lid("100000000000002", 0),
        };
        match u.int_in_range(0..=24)? {
            0 => drop(self.script.call(Logout {})),
            1 => self.script.feed(Input::Shutdown),
            2 | 3 => drop(self.script.call(SetAvailable { available: u.arbitrary()? })),
            4..=7 => {
                let ids = (0..u.int_in_range(0..=3)?).map(|at| format!("text-{at}")).collect();
                self.script.call(MarkRead { chat: to, ids, sender: None });
            }
            _ => {
                let id = match u.int_in_range(0..=3)? {
                    0 => Some("mine".to_string()),
                    1 => Some(String::from_utf8_lossy(&blob(u)?).into_owned()),
                    _ => None,
                };
                self.script.call(SendMessage { id, ..SendMessage::text(to, "text") });
            }
        }
        Ok(())
    }

    fn confirm(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        match u.int_in_range(0..=1)? {
            0 => self.script.confirm(),
            _ => self.script.feed(Input::Seen(EventId(u.arbitrary()?))),
        }
        Ok(())
    }

    /// The server takes all that was sent, or refuses it.
    fn acks(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let error =
            u.ratio(1, 4)?.then(|| u.choose(&["400", "406", "463", "479", "500"]).copied()).transpose()?;
        for at in 0..self.flight.len() {
            let stanza = &self.flight[at];
            if stanza.tag == "message" {
                let ack = Node::new("ack").attr("class", "message").attr("t", "1700000000");
                let ack =
                    ack.attr_opt("id", stanza.get("id").map(|id| id.to_string())).attr_opt("error", error);
                self.tell(&ack);
            }
        }
        Ok(())
    }

    /// Inputs that nothing gave cause for.
    fn out_of_place(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        self.script.feed(match u.int_in_range(0..=3)? {
            0 => Input::Connected,
            1 => Input::Tick,
            2 => Input::Received(blob(u)?.into()),
            _ => Input::Closed,
        });
        Ok(())
    }

    /// A record is not what it was, and the client starts over it.
    fn damage(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let rows: Vec<_> =
            self.script.storage.rows().into_iter().filter(|row| row.table != Table::Meta).collect();
        if rows.is_empty() {
            return Ok(());
        }
        // Most records are prekeys: the table first, or nothing else would ever be hit.
        let tables: Vec<_> = {
            let mut tables: Vec<_> = rows.iter().map(|row| row.table).collect();
            tables.dedup();
            tables
        };
        let table = tables[u.choose_index(tables.len())?];
        let rows: Vec<_> = rows.iter().filter(|row| row.table == table).collect();
        let row = rows[u.choose_index(rows.len())?];
        let mut value = row.value.to_vec();
        match u.int_in_range(0..=2)? {
            0 => value = blob(u)?,
            1 => value.truncate(u.choose_index(value.len() + 1)?),
            // Keys that do not belong together make a handshake that no server takes.
            _ if !value.is_empty() && table != Table::Credentials => {
                let at = u.choose_index(value.len())?;
                value[at] ^= u.int_in_range(1..=255)?;
            }
            _ => {}
        }
        self.damaged = true;
        self.watch.forget_inbox();
        self.script.storage.damage(row.table, &row.key, value.into());
        self.script.restart();
        Ok(())
    }
}
