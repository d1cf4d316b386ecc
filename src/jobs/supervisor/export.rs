//! Programs as files, each built by a child process: `exactlip export`.

use std::process::Stdio;
use std::time::Duration;

use thiserror::Error;
use tokio::time::timeout;

use super::{Assignment, NetworkFile, Supervisor, feed};

/// How long a child may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why there is no file.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The child says what is wrong with the request.
    #[error("{0}")]
    Refused(String),
    /// The child failed, or took too long.
    #[error("{0}")]
    Failed(String),
}

impl Supervisor {
    /// The program number `program` of a job in `format` (`mps` or `lp`).
    ///
    /// # Errors
    /// [`ExportError`]
    pub async fn export(&self, assignment: Assignment, format: &str, program: usize) -> Result<Vec<u8>, ExportError> {
        let failed = |e: std::io::Error| ExportError::Failed(format!("the program could not be built: {e}"));
        let file = NetworkFile(self.scratch.join(&assignment.name));
        tokio::fs::write(&file.0, &assignment.network).await.map_err(failed)?;
        let mut command = self.command("export", &assignment, &file.0);
        command.args(["--network-format", &assignment.format, "--format", format, "--file", "-"]);
        command.arg("--program").arg(program.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        if let Some(stdin) = child.stdin.take() {
            tokio::spawn(feed(stdin, assignment.problem.to_string()));
        }
        // A child that takes too long is killed when it is dropped.
        let output = timeout(PATIENCE, child.wait_with_output())
            .await
            .map_err(|_| ExportError::Failed(format!("the program was not built within {} s", PATIENCE.as_secs())))?
            .map_err(failed)?;
        match output.status.code() {
            Some(0) => Ok(output.stdout),
            Some(2) => {
                let document: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap_or_default();
                let detail = document.get("detail").and_then(|detail| detail.as_str());
                Err(ExportError::Refused(detail.unwrap_or("the child refused the request").to_owned()))
            }
            _ => Err(ExportError::Failed(format!("the child that builds the program ended with {}", output.status))),
        }
    }
}
