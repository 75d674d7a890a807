//! A whole client that writes to a large group: from the call to the frame, records and outbox included.

use sanswire::messaging::SendMessage;
use sanswire::wire::OwnedJid;
use sanswire_bench::readable;
use sanswire_sim::server::{AdminRequest, GroupRequest};
use sanswire_store::Store;

use super::TEXT;
use super::town::{Spent, Town, name};

/// A group in which the client has a session with everybody.
pub(crate) fn large<S: Store>(store: S) {
    let mut town = Town::new();
    let me = town.moves_in(store);
    let names: Vec<String> = (1..MEMBERS).map(|at| format!("Member {at}")).collect();
    town.phones_move_in(&names);
    let group = town.group(me, &names);
    send(&mut town, me, &group);
    for from in &names {
        // Whoever has answered is written to without the keys of a first message.
        let text = "Hello".to_string();
        town.ask(AdminRequest::Send { from: from.clone(), to: name(me), text });
    }
    town.run();
    let mut all = [const { Vec::new() }; 3];
    for leaves in names.iter().take(ROUNDS) {
        // Whoever leaves has the key: everybody else gets a new one.
        let change = GroupRequest::Remove(leaves.clone());
        town.ask(AdminRequest::ChangeGroup { group: group.to_string(), change });
        town.run();
        let (new_key, ack) = send(&mut town, me, &group);
        let (known_key, _) = send(&mut town, me, &group);
        for (kept, spent) in all.iter_mut().zip([new_key, known_key, ack]) {
            kept.push(spent);
        }
    }
    println!("\nend to end, a group of {MEMBERS} members, in memory: the sender's part");
    let [new_key, known_key, ack] = all;
    print("a text, and a new sender key for everybody", new_key);
    print("a text under the same sender key", known_key);
    print("the server's ack", ack);
}

/// Groups in which everybody is new.
pub(crate) fn new<S: Store>(store: S) {
    let mut town = Town::new();
    let me = town.moves_in(store);
    let mut all = Vec::new();
    for round in 0..ROUNDS {
        let names: Vec<String> = (0..NEW).map(|at| format!("Stranger {round}.{at}")).collect();
        town.phones_move_in(&names);
        let group = town.group(me, &names);
        let spent = town.cost(me, |town| {
            town.call(me, SendMessage::text(group.clone(), TEXT));
            town.run();
        });
        all.push(spent);
    }
    println!("\nend to end, a first text to a group of {NEW} new devices, in memory: the sender's part");
    print("queries, sessions, the text, and its ack", all);
}

/// What it costs until the frame is written, and what the server's answer costs.
fn send<S: Store>(town: &mut Town<S>, me: usize, group: &OwnedJid) -> (Spent, Spent) {
    let out = town.cost(me, |town| {
        town.call(me, SendMessage::text(group.clone(), TEXT));
        town.run_only(me);
    });
    (out, town.cost(me, Town::run))
}

fn print(name: &str, mut all: Vec<Spent>) {
    all.sort_by_key(|spent| spent.time);
    let spent = all[0];
    let time = readable(spent.time.as_secs_f64() * 1e9);
    println!("  {name:<46} {time:>10} {:>9} allocations", spent.allocations);
}

/// The largest group, its sender among them.
const MEMBERS: usize = 1_024;
/// New devices at once.
const NEW: usize = 256;
const ROUNDS: usize = 9;
