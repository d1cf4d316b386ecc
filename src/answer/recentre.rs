//! A witness is for people: of the points that show its gradient, the one that is reported lies deep inside.

use std::time::Duration;

use super::interior;
use super::witness::{Checked, Subject};
use crate::network::Pattern;

/// How often a point that left the ball is moved half the way back.
const HALVINGS: usize = 20;
/// About how many multiplications (of affine forms, of a simplex step) are made in a second, on the careful side.
const WORK_PER_SECOND: f64 = 3e8;

impl Subject<'_> {
    /// The witness `x`, whose pattern is `pattern` and whose slack is `slack`, moved to the point of the pattern's region that
    /// lies deepest inside (the audit's program, the slack of each neuron's inequality normalised): the gradient and its norm
    /// are those of the whole region. A point on a razor's edge would not survive a check in single precision, or by finite
    /// differences. `None` where no deeper point is found in `time`, or where looking for one would take longer.
    ///
    /// In a ball, on whose surface the deepest point of the box may not lie, the farthest point on the way there is taken:
    /// region and ball are convex, and the slack only grows along the way.
    pub fn recentred(
        &self,
        x: &[f64],
        slack: f64,
        pattern: &Pattern,
        range: impl Fn(usize, usize) -> f64,
        time: Duration,
    ) -> Option<Checked> {
        if self.recentring_work() > time.as_secs_f64() * WORK_PER_SECOND {
            return None;
        }
        let axes = self.axes();
        let pieces = |l: usize, r: usize| (pattern.piece(l, r), pattern.piece(l, r));
        let inequalities = self.inequalities(pattern, &pieces, &axes).ok().filter(|found| !found.is_empty())?;
        let deepest = interior::deepest_within(axes.len(), &inequalities, time)?;
        let target = self.rounded(&self.point_at(&axes, &deepest));
        let mut share = 1.0;
        for _ in 0..HALVINGS {
            let on_the_way = |(x, to): (&f64, &f64)| x + share * (to - x);
            let mut point: Vec<f64> = x.iter().zip(&target).map(on_the_way).collect();
            if share == 1.0 {
                point.clone_from(&target);
            }
            if let Some(checked) = self.check_point(&point, &range).filter(|checked| self.lies_in(checked, pattern)) {
                return Some(checked).filter(|checked| checked.witness.interior_slack > slack);
            }
            share *= 0.5;
        }
        None
    }

    /// The multiplications that the affine forms of all neurons take, and some steps of the program over them.
    fn recentring_work(&self) -> f64 {
        let size = |count: usize| count as f64;
        let inputs = size(self.free_inputs().len());
        let forms: f64 = self.network.hidden().iter().map(|l| size(l.map.entries_stored()) * inputs).sum();
        let unstable = self.phases.iter().enumerate().flat_map(|(l, row)| (0..row.len()).map(move |r| (l, r)));
        let rows = size(unstable.filter(|&(l, r)| self.is_unstable(l, r)).count());
        forms + rows * inputs * rows.min(inputs)
    }
}
