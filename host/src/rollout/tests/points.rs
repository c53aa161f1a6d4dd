//! Which variant has which point.

use proptest::prelude::*;

use super::*;

/// A rollout of these weights; the baseline has what is left.
fn rollout(baseline: usize, others: &[u32]) -> Arc<Rollout> {
    let mut weights = others.to_vec();
    weights.insert(baseline, POINTS - others.iter().sum::<u32>());
    let variants = weights.iter().enumerate();
    let plan = Plan {
        variants: variants
            .map(|(n, w)| variant(&format!("v{n}"), *w))
            .collect(),
        baseline,
        steps: Vec::new(),
        gates: None,
    };
    World::new().run(plan)
}

fn assigned(rollout: &Rollout) -> Vec<usize> {
    (0..POINTS).map(|point| rollout.assign(point)).collect()
}

/// Three shares that leave the baseline something or nothing.
fn shares() -> impl Strategy<Value = [u32; 3]> {
    (0..=POINTS, 0..=POINTS, 0..=POINTS).prop_map(|(a, b, c)| {
        let mut cuts = [a, b, c];
        cuts.sort_unstable();
        [cuts[0], cuts[1] - cuts[0], cuts[2] - cuts[1]]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn each_variant_has_as_many_points_as_its_weight(shares in shares(), baseline in 0..4_usize) {
        let rollout = rollout(baseline, &shares);
        let assigned = assigned(&rollout);
        for (index, weight) in rollout.weights().into_iter().enumerate() {
            let count = assigned.iter().filter(|a| **a == index).count();
            prop_assert_eq!(count, weight as usize);
        }
    }

    #[test]
    fn a_point_stays_with_each_of_two_canaries_while_its_weight_grows(
        before in shares(), after in shares(), baseline in 0..3_usize,
    ) {
        let (old, new) = (rollout(baseline, &before[..2]), rollout(baseline, &after[..2]));
        let (old_weights, new_weights) = (old.weights(), new.weights());
        for (point, (was, is)) in assigned(&old).into_iter().zip(assigned(&new)).enumerate() {
            if was != baseline && new_weights[was] >= old_weights[was] {
                prop_assert_eq!(was, is, "point {}", point);
            }
        }
    }

    #[test]
    fn with_one_canary_nobody_moves_against_the_weights(before in 0..=POINTS, after in 0..=POINTS) {
        let (less, more) = (before.min(after), before.max(after));
        let (less, more) = (rollout(0, &[less]), rollout(0, &[more]));
        for (was, is) in assigned(&less).into_iter().zip(assigned(&more)) {
            prop_assert!(was <= is);
        }
    }

    #[test]
    fn a_ramp_never_takes_a_point_back(
        steps in proptest::collection::vec((0..=POINTS, 1..500_u64), 1..6),
        ticks in proptest::collection::vec(0..200_u64, 1..40),
    ) {
        let mut weights: Vec<u32> = steps.iter().map(|(weight, _)| *weight).collect();
        weights.sort_unstable();
        let steps: Vec<Step> = weights
            .windows(2)
            .zip(&steps)
            .map(|(pair, (_, seconds))| Step {
                from: pair[0],
                to: pair[1],
                duration_ms: seconds * 1000,
            })
            .collect();
        let mut world = World::new();
        let rollout = world.run(plan(&steps, None));
        let mut last = weight(&rollout);
        for seconds in ticks {
            world.pass(seconds);
            prop_assert!(weight(&rollout) >= last || steps.is_empty());
            last = weight(&rollout);
        }
    }
}

#[test]
fn a_point_that_does_not_exist_is_the_last() {
    assert_eq!(rollout(0, &[100, 0]).assign(u32::MAX), 0);
    assert_eq!(rollout(0, &[100, 1]).assign(u32::MAX), 2);
}
