//! The question in the engine's terms, and the check that leads there.

use super::{FieldError, Kind, Limits, Method, Problem, Region, Seeds, Solver, StopWhen, Task, VectorNorm};

/// A checked question: everything in it fits the network that it was checked against.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// X.
    pub region: Region,
    /// Which functions of the outputs are asked about.
    pub seeds: Seeds,
    /// α, the norm of a change of the input; the gradient is measured in the dual of it.
    pub input_norm: VectorNorm,
    /// The methods to run, in the order of [`Method::IN_ORDER`], each once.
    pub methods: Vec<Method>,
    /// Who solves mixed-integer programs.
    pub solver: Solver,
    /// When to stop at the latest.
    pub limits: Limits,
    /// When the answer is good enough.
    pub stop_when: StopWhen,
    /// The seed of everything random.
    pub random_seed: u64,
    /// For the method `dataset`: points of X.
    pub points: Vec<Vec<f64>>,
    /// What the kind asks for.
    pub task: Task,
}

impl Question {
    /// c of a scalar functional `cᵀ f`, one entry an output; of any other the first row.
    pub fn output_weights(&self) -> &[f64] {
        self.seeds.rows.first().map_or(&[], Vec::as_slice)
    }
}

/// The largest number of labels, and of bytes in one.
const MAX_LABELS: usize = 32;
const MAX_LABEL_BYTES: usize = 256;
/// Priorities lie within ± this.
const MAX_PRIORITY: i32 = 100;

/// The parts of a problem that are read against the network.
pub(crate) struct Parts {
    /// X, where it is right.
    pub region: Option<Region>,
    /// The functional, where it is right.
    pub seeds: Option<Seeds>,
}

impl Problem {
    /// Checks the problem against a network with `inputs` inputs and `outputs` outputs, all but whether the methods that it
    /// names answer it: the region and the seeds as far as they are right, and everything that is wrong, each with the pointer
    /// to its field. [`Problem::question`] is the whole check.
    pub(crate) fn parts(&self, inputs: usize, outputs: usize) -> (Parts, Vec<FieldError>) {
        let mut errors = Vec::new();
        let (mut region, mut seeds) = (None, None);
        if self.kind != Kind::Curvature {
            errors.extend(self.missing_part());
            let domain = self.domain.as_ref().map(|domain| domain.region(inputs));
            region = domain.and_then(|region| region.map_err(|e| errors.extend(e)).ok());
            let functional = self.functional.as_ref().map(|functional| functional.seeds(outputs, self.norm.output));
            seeds = functional.and_then(|seeds| seeds.map_err(|e| errors.extend(e)).ok());
            self.check_methods(&mut errors);
        }
        self.check_fields_of_kinds(&mut errors);
        self.check_points(region.as_ref(), &mut errors);
        self.check_limits(&mut errors);
        self.check_estimates(&mut errors);
        self.check_rest(&mut errors);
        (Parts { region, seeds }, errors)
    }

    /// The question with these parts.
    pub(crate) fn put_together(&self, region: Region, seeds: Seeds, methods: Vec<Method>, task: Task) -> Question {
        Question {
            region,
            seeds,
            input_norm: self.norm.input,
            methods,
            solver: self.solver,
            limits: self.limits,
            stop_when: self.stop_when,
            random_seed: self.seed,
            points: self.points.clone(),
            task,
        }
    }

    fn check_methods(&self, errors: &mut Vec<FieldError>) {
        if self.methods.is_empty() {
            errors.push(FieldError::new("/methods", "names no method; leave it out for the default ladder"));
        }
        if self.certificate {
            errors.push(FieldError::new("/certificate", "certificates are not built yet"));
        }
    }

    fn check_limits(&self, errors: &mut Vec<FieldError>) {
        let Limits { time_s, memory_mb, threads, gap, gap_abs } = self.limits;
        let mut refuse = |pointer: &str, detail: &str| errors.push(FieldError::new(pointer, detail));
        if !(time_s.is_finite() && time_s > 0.0) {
            refuse("/limits/time_s", "must be a finite number of seconds above 0");
        }
        if memory_mb < 64 {
            refuse("/limits/memory_mb", "must be at least 64");
        }
        if threads == 0 {
            refuse("/limits/threads", "must be at least 1");
        }
        if !(1e-9..=1.0).contains(&gap) {
            refuse("/limits/gap", "must lie between 1e-9 and 1");
        }
        if gap_abs.is_some_and(|gap| !(gap.is_finite() && gap >= 0.0)) {
            refuse(
                "/limits/gap_abs",
                "must be a finite number of at least 0; leave it out for 1e-9 of the FastLip bound",
            );
        }
        for (pointer, value) in [
            ("/stop_when/lower_above", self.stop_when.lower_above),
            ("/stop_when/upper_below", self.stop_when.upper_below),
        ] {
            if value.is_some_and(|v| !v.is_finite()) {
                refuse(pointer, "must be a finite number");
            }
        }
    }

    fn check_rest(&self, errors: &mut Vec<FieldError>) {
        if !(-MAX_PRIORITY..=MAX_PRIORITY).contains(&self.priority) {
            errors.push(FieldError::new("/priority", format!("must lie between -{MAX_PRIORITY} and {MAX_PRIORITY}")));
        }
        if self.labels.len() > MAX_LABELS {
            errors.push(FieldError::new("/labels", format!("at most {MAX_LABELS} labels")));
        }
        for (name, value) in &self.labels {
            if name.is_empty() || name.len() > MAX_LABEL_BYTES || value.len() > MAX_LABEL_BYTES {
                let pointer = format!("/labels/{}", name.replace('~', "~0").replace('/', "~1"));
                errors.push(FieldError::new(
                    pointer,
                    format!("a label's name and value have at most {MAX_LABEL_BYTES} bytes, the name at least one"),
                ));
            }
        }
        if self.webhook.is_some() {
            errors.push(FieldError::new("/webhook", "webhooks are not built yet"));
        }
    }
}
