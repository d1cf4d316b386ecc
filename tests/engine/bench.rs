//! The comparison on trained networks: complete, and in the order that the guarantees promise.

use exactlip::bench::table::{self, Plan};
use exactlip::problem::{Guarantee, Method};

#[test]
fn every_method_has_a_row_on_its_side_of_the_exact_constant() {
    let plan = Plan { networks: 1, time_s: 20.0, threads: 1, seed: 5 };
    let mut lines = 0;
    let table = table::run(&plan, |_| lines += 1).unwrap();
    assert_eq!((lines, table.parts.len()), (2, 2));
    for part in &table.parts {
        assert_eq!(part.rows.iter().map(|row| row.method).collect::<Vec<_>>(), table::methods());
        assert!(part.accuracy > 0.8, "{} networks learned only {}", part.data, part.accuracy);
        for row in &part.rows {
            let Some(error) = row.relative_error else { continue };
            match row.guarantee {
                Guarantee::Lower => assert!(error.most <= 0.0, "{row:?}"),
                Guarantee::Upper | Guarantee::Exact => assert!(error.least >= 0.0, "{row:?}"),
                Guarantee::None => assert!(error.mean > -1.0, "{row:?}"),
            }
        }
        // 30 neurons are too many for SeqLip, however much time it has.
        let seqlip = part.rows.iter().find(|row| row.method == Method::Seqlip).unwrap();
        assert!(!part.widths.contains(&30) || seqlip.values == 0, "{seqlip:?}");
    }
}
