//! The question in the engine's terms, and the check that leads there.

use crate::network::Summary;

use super::{FieldError, Kind, Limits, Method, Problem, Region, Solver, StopWhen, VectorNorm};

/// A checked question: everything in it fits the network that it was checked against.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// X.
    pub region: Region,
    /// c of the scalar functional `cᵀ f`, one entry an output.
    pub seed: Vec<f64>,
    /// α, the norm of a change of the input; the gradient is measured in the dual of it.
    pub input_norm: VectorNorm,
    /// The methods to run, in the order of [`Method::BUILT`], each once.
    pub methods: Vec<Method>,
    /// Who solves mixed-integer programs.
    pub solver: Solver,
    /// When to stop at the latest.
    pub limits: Limits,
    /// When the answer is good enough.
    pub stop_when: StopWhen,
    /// The seed of everything random.
    pub random_seed: u64,
}

/// The largest number of labels, and of bytes in one.
const MAX_LABELS: usize = 32;
const MAX_LABEL_BYTES: usize = 256;
/// Priorities lie within ± this.
const MAX_PRIORITY: i32 = 100;

impl Problem {
    /// Checks the problem against a network with `inputs` inputs and `outputs` outputs.
    ///
    /// # Errors
    /// Everything that is wrong, each with the pointer to its field.
    pub fn question(&self, inputs: usize, outputs: usize) -> Result<Question, Vec<FieldError>> {
        let mut errors = Vec::new();
        if !self.kind.is_built() {
            errors.push(FieldError::new(
                "/kind",
                format!("`{}` is not built yet: this version answers `{}`", self.kind.name(), Kind::Lipschitz.name()),
            ));
        }
        let region = self.domain.region(inputs).map_err(|e| errors.extend(e));
        let seed = self.functional.seed(outputs).map_err(|e| errors.extend(e));
        if self.norm.input == VectorNorm::L2 {
            errors.push(FieldError::new("/norm/input", "`l2` is not built yet: use `linf` or `l1`"));
        }
        self.check_methods(&mut errors);
        self.check_limits(&mut errors);
        self.check_rest(&mut errors);
        let methods = Method::BUILT.into_iter().filter(|m| self.methods.contains(m)).collect();
        match (region, seed) {
            (Ok(region), Ok(seed)) if errors.is_empty() => Ok(Question {
                region,
                seed,
                input_norm: self.norm.input,
                methods,
                solver: self.solver,
                limits: self.limits,
                stop_when: self.stop_when,
                random_seed: self.seed,
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
        let reason = summary.exact.reason.as_deref().unwrap_or_default();
        let refused = self.methods.iter().enumerate().filter(|(_, method)| method.needs_patterns());
        let refused: Vec<FieldError> = refused
            .map(|(i, method)| FieldError::new(format!("/methods/{i}"), format!("`{method}` does not apply: {reason}")))
            .collect();
        match question {
            Ok(question) if refused.is_empty() => Ok(question),
            Ok(_) => Err(refused),
            Err(errors) => Err(errors.into_iter().chain(refused).collect()),
        }
    }

    fn check_methods(&self, errors: &mut Vec<FieldError>) {
        if self.methods.is_empty() {
            errors.push(FieldError::new("/methods", "names no method; leave it out for the default ladder"));
        }
        let built = || Method::BUILT.map(Method::name).join("`, `");
        for (i, method) in self.methods.iter().enumerate().filter(|(_, m)| !m.is_built()) {
            errors.push(FieldError::new(
                format!("/methods/{i}"),
                format!("`{method}` is not built yet: this version has `{}`", built()),
            ));
        }
        if self.certificate {
            errors.push(FieldError::new("/certificate", "certificates are not built yet"));
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
        if self.priority.abs() > MAX_PRIORITY {
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
