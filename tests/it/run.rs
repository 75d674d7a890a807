//! Whole runs of the simulated world: a few seeds of each shape, and the same seed twice.

use sanswire_sim::run::{FaultKind, Plan, Rate, Workload, run, run_scheduled};

/// A run in which something breaks says what, and how to see it again.
fn assert_kept(plan: &Plan) {
    let report = run(plan);
    assert!(report.messages > 0, "seed {}: nobody wrote", plan.seed);
    assert_eq!(report.broken, [], "seed {}", plan.seed);
}

#[test]
fn people_who_only_write_are_served_well() {
    let quiet = Plan { faults: [].into(), minutes: 10, ..Plan::new(1) };
    assert_kept(&Plan { workload: Workload::texts_only(Rate(2400)), ..quiet });
}

#[test]
fn people_who_change_devices_and_phones_are_served_well() {
    assert_kept(&Plan { faults: [].into(), accounts: 2, minutes: 30, ..Plan::new(2) });
}

#[test]
fn people_who_write_to_groups_are_served_well() {
    let workload = Workload {
        group_texts: Rate(2400),
        group_phone_texts: Rate(240),
        group_changes: Rate(240),
        ..Workload::texts_only(Rate(240))
    };
    assert_kept(&Plan { faults: [].into(), minutes: 20, workload, ..Plan::new(3) });
}

#[test]
fn each_kind_of_fault_is_survived() {
    for (seed, kind) in (10..).zip(FaultKind::ALL) {
        let faults = [(kind, Rate(600))].into();
        let report = run(&Plan { faults, accounts: 2, minutes: 10, ..Plan::new(seed) });
        assert!(report.faults.contains_key(&kind), "{kind} never struck");
        assert_eq!(report.broken, [], "seed {seed}, {kind}");
    }
}

#[test]
fn all_faults_together_are_survived() {
    for seed in 30..32 {
        assert_kept(&Plan { accounts: 2, minutes: 20, ..Plan::new(seed) });
    }
}

#[test]
fn the_same_plan_gives_the_same_run_to_the_last_byte() {
    let plan = Plan { accounts: 2, minutes: 10, ..Plan::new(40) };
    let (one, two) = (run(&plan), run(&plan));
    assert_eq!((one.digest, one.messages, one.faults), (two.digest, two.messages, two.faults));
    let without = run_scheduled(&plan, &[]);
    assert_ne!(without.digest, one.digest);
}
