//! Programs as files, each built by a child process: `exactlip export`.

use std::time::Duration;

use super::Supervisor;
use super::errand::{Allowance, ErrandError, SentNetwork};

/// How long a child may take.
const PATIENCE: Duration = Duration::from_secs(60);

impl Supervisor {
    /// The program number `program` of a problem in `format` (`mps` or `lp`), by a child of at most `memory_mb` MiB.
    ///
    /// # Errors
    /// [`ErrandError`]
    pub async fn export(
        &self,
        network: SentNetwork<'_>,
        problem: String,
        memory_mb: u64,
        format: &str,
        program: usize,
    ) -> Result<Vec<u8>, ErrandError> {
        let number = program.to_string();
        let arguments = ["-", "--format", format, "--file", "-", "--program", &number].map(str::to_owned);
        let allowance = Allowance { time: PATIENCE, memory_mb };
        self.errand("export", &arguments, network, Some(problem), allowance).await
    }
}
