//! Promises about two runs of one story: equal seeds are equal runs, and the cache changes no output.

use super::Broken;
use crate::world::{Entry, Fact, World};

/// Runs a story twice; both runs must agree in every entry of the journal and every byte that was sent and
/// stored.
pub fn same_seed(story: impl Fn() -> World) -> Vec<Broken> {
    let (one, two) = (story(), story());
    if one.journal().digest() == two.journal().digest() {
        return Vec::new();
    }
    vec![Broken { rule: "same_seed", detail: difference(one.journal().entries(), two.journal().entries()) }]
}

/// Runs a story once for each cache budget; what clients put out must be the same but for the loads.
pub fn cache_blind(budgets: &[usize], story: impl Fn(usize) -> World) -> Vec<Broken> {
    let mut first: Option<(usize, Vec<Entry>)> = None;
    let mut broken = Vec::new();
    for budget in budgets {
        let put_out = outputs(&story(*budget));
        match &first {
            None => first = Some((*budget, put_out)),
            Some((other, expected)) if *expected != put_out => {
                let detail = format!("budgets {other} and {budget}: {}", difference(expected, &put_out));
                broken.push(Broken { rule: "cache_blind", detail });
            }
            Some(_) => {}
        }
    }
    broken
}

/// Everything in the journal but what only loads cause.
#[must_use]
pub fn outputs(world: &World) -> Vec<Entry> {
    let load = |entry: &&Entry| match &entry.fact {
        Fact::Waited { loading, .. } => *loading,
        Fact::Fed { input, .. } => *input == "loaded",
        _ => false,
    };
    world.journal().entries().iter().filter(|entry| !load(entry)).cloned().collect()
}

/// The first entry in which two journals differ.
fn difference(one: &[Entry], two: &[Entry]) -> String {
    let differs = one.iter().zip(two).position(|(a, b)| a != b);
    let at = differs.unwrap_or_else(|| one.len().min(two.len()));
    format!("entry {at}: {:?} or {:?}", one.get(at), two.get(at))
}
