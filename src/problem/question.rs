//! The question in the engine's terms, and the check that leads there.

use crate::network::Summary;

use super::{CheckRequest, FieldError, Kind, Limits, Method, Problem, Region, Seeds, Solver, StopWhen, VectorNorm};

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
    /// For kind `check`: what to judge.
    pub check: Option<CheckRequest>,
}

impl Question {
    /// c of a scalar functional `cᵀ f`, one entry an output; of any other the first row.
    pub fn seed(&self) -> &[f64] {
        self.seeds.rows.first().map_or(&[], Vec::as_slice)
    }

    /// Why no linear or mixed-integer program answers the question; `None` where they do.
    pub fn obstacle_to_programs(&self) -> Option<&'static str> {
        obstacle_to_programs(&self.region, self.input_norm, &self.seeds)
    }

    /// Why the exact search does not answer the question; `None` where it does.
    pub fn obstacle_to_search(&self) -> Option<&'static str> {
        obstacle_to_search(&self.region, &self.seeds)
    }
}

fn obstacle_to_programs(region: &Region, input_norm: VectorNorm, seeds: &Seeds) -> Option<&'static str> {
    if !seeds.is_scalar() {
        Some("programs are built for the functionals vector, logit and margin; this one has several outputs")
    } else if region.ball.is_some() {
        Some(BALL)
    } else if input_norm == VectorNorm::L2 {
        Some("programs are built for the input norms linf and l1")
    } else {
        None
    }
}

fn obstacle_to_search(region: &Region, seeds: &Seeds) -> Option<&'static str> {
    let few = match seeds.extreme_points() {
        Some(points) => points.len() <= MAX_SEEDS,
        None => seeds.norm == VectorNorm::L2 && seeds.rows.len() <= MAX_JOINT_ROWS,
    };
    if !few {
        Some(
            "the search is built for up to 128 outputs in the output norm linf (or as many pairs of them), 8 in l1, 16 in l2",
        )
    } else if region.ball.is_some() {
        Some(BALL)
    } else {
        None
    }
}

const BALL: &str = "exact methods are built for boxes and balls in linf; this domain is a ball in another norm";
/// The most scalar functionals, and the most rows without a finite number of them, that the search takes.
const MAX_SEEDS: usize = 128;
const MAX_JOINT_ROWS: usize = 16;

/// The largest number of labels, and of bytes in one.
const MAX_LABELS: usize = 32;
const MAX_LABEL_BYTES: usize = 256;
/// Priorities lie within ± this.
const MAX_PRIORITY: i32 = 100;

/// The most free inputs that a grid is laid over.
pub(crate) const MAX_GRID_INPUTS: usize = 3;

impl Problem {
    /// Checks the problem against a network with `inputs` inputs and `outputs` outputs.
    ///
    /// # Errors
    /// Everything that is wrong, each with the pointer to its field.
    pub fn question(&self, inputs: usize, outputs: usize) -> Result<Question, Vec<FieldError>> {
        let mut errors = Vec::new();
        if !self.kind.is_built() {
            errors.push(FieldError::new("/kind", self.kind.not_built()));
        }
        let region = self.domain.region(inputs).map_err(|e| errors.extend(e));
        let seeds = self.functional.seeds(outputs, self.norm.output).map_err(|e| errors.extend(e));
        self.check_methods(&mut errors);
        if let Ok(region) = &region {
            self.check_grid(region, &mut errors);
        }
        self.check_points(region.as_ref().ok(), &mut errors);
        if let (Ok(region), Ok(seeds)) = (&region, &seeds)
            && self.methods != Method::default_ladder()
        {
            let programs = obstacle_to_programs(region, self.norm.input, seeds);
            errors.extend(programs.into_iter().flat_map(|reason| self.refuse(reason, Method::solves_programs)));
            let search = obstacle_to_search(region, seeds);
            errors.extend(search.into_iter().flat_map(|reason| self.refuse(reason, Method::searches)));
        }
        if seeds.as_ref().is_ok_and(|seeds| !seeds.is_scalar()) {
            let reason = "it is built for the functionals vector, logit and margin; this one has several outputs";
            errors.extend(self.refuse(reason, Method::bounds_weights));
        }
        self.check_limits(&mut errors);
        self.check_estimates(&mut errors);
        self.check_rest(&mut errors);
        // A check needs the truth, so whatever it judges, the default ladder runs unless an exact method was asked for.
        let mut asked = self.methods.clone();
        if self.kind == Kind::Check && !asked.iter().any(|m| matches!(m, Method::Mip | Method::Exact)) {
            asked.extend(Method::default_ladder());
        }
        let methods = Method::IN_ORDER.into_iter().filter(|m| asked.contains(m)).collect();
        match (region, seeds) {
            (Ok(region), Ok(seeds)) if errors.is_empty() => Ok(Question {
                region,
                seeds,
                input_norm: self.norm.input,
                methods,
                solver: self.solver,
                limits: self.limits,
                stop_when: self.stop_when,
                random_seed: self.seed,
                points: self.points.clone(),
                check: self.check_request(),
            }),
            _ => Err(errors),
        }
    }

    /// Checks the problem against the network of `summary`, and that every method that it names applies to it. The default
    /// ladder applies to every network: what does not is left out when it is run.
    ///
    /// # Errors
    /// As [`Problem::question`].
    pub fn question_for(&self, summary: &Summary) -> Result<Question, Vec<FieldError>> {
        let question = self.question(summary.input_dim, summary.output_dim);
        if summary.exact.supported || self.methods == Method::default_ladder() {
            return question;
        }
        let refused = self.refuse(summary.exact.reason.as_deref().unwrap_or_default(), Method::needs_patterns);
        match question {
            Ok(question) if refused.is_empty() => Ok(question),
            Ok(_) => Err(refused),
            Err(errors) => Err(errors.into_iter().chain(refused).collect()),
        }
    }

    /// An error for every method that `applies_not`.
    fn refuse(&self, reason: &str, applies_not: fn(Method) -> bool) -> Vec<FieldError> {
        let refused = self.methods.iter().enumerate().filter(|(_, method)| applies_not(**method));
        refused
            .map(|(i, method)| FieldError::new(format!("/methods/{i}"), format!("`{method}` does not apply: {reason}")))
            .collect()
    }

    fn check_methods(&self, errors: &mut Vec<FieldError>) {
        if self.methods.is_empty() {
            errors.push(FieldError::new("/methods", "names no method; leave it out for the default ladder"));
        }
        if self.certificate {
            errors.push(FieldError::new("/certificate", "certificates are not built yet"));
        }
    }

    fn check_grid(&self, region: &Region, errors: &mut Vec<FieldError>) {
        let free = (0..region.dim()).filter(|&k| region.is_free(k)).count();
        if free > MAX_GRID_INPUTS
            && let Some(i) = self.methods.iter().position(|m| *m == Method::Grid)
        {
            errors.push(FieldError::new(
                format!("/methods/{i}"),
                format!(
                    "`grid` searches at most {MAX_GRID_INPUTS} free inputs, the domain has {free}: use `ascent` or `annealing`"
                ),
            ));
        }
    }

    fn check_limits(&self, errors: &mut Vec<FieldError>) {
        let Limits { time_s, memory_mb, threads, gap } = self.limits;
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
