//! Bounds of what a client holds in memory.

use core::time::Duration;

use sanswire::limits::CACHE_IDLE_BYTES;
use sanswire_sim::world::World;

#[test]
fn idle_client_keeps_few_records_in_memory_and_works_on() {
    let mut world = World::new(1);
    let (alice, bob) = (world.paired("Alice"), world.paired("Bob"));
    let cached = |world: &World| world[alice].health().unwrap().cached_bytes;
    assert!(cached(&world) > CACHE_IDLE_BYTES, "pairing writes all prekeys");
    world.run_for(Duration::from_secs(90));
    assert!(cached(&world) <= CACHE_IDLE_BYTES);
    world.send(bob, alice, "still there?");
    world.run_for(Duration::from_secs(10));
    assert_eq!(world.texts(alice), ["still there?"]);
}
