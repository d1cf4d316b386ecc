//! Programs as files, each built by a child process: `exactlip export`. Its text goes to disk as it comes, and from there to
//! the client.

use std::io;
use std::time::Duration;

use tokio::fs::File;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use super::Supervisor;
use super::errand::{Allowance, ErrandError, SentNetwork, Sink, not_started};

/// How long a child may take.
const PATIENCE: Duration = Duration::from_secs(60);

impl Supervisor {
    /// The program number `program` of a problem (`None`: the only one) in `format` (`mps` or `lp`), by a child of at most `memory_mb` MiB.
    ///
    /// # Errors
    /// [`ErrandError`]
    pub async fn export(
        &self,
        network: SentNetwork<'_>,
        problem: String,
        memory_mb: u64,
        format: &str,
        program: Option<usize>,
    ) -> Result<File, ErrandError> {
        let mut arguments = ["-", "--format", format, "--file", "-"].map(str::to_owned).to_vec();
        arguments.extend(program.into_iter().flat_map(|program| ["--program".to_owned(), program.to_string()]));
        let allowance = Allowance { time: PATIENCE, memory_mb };
        let file = self.unnamed_file().await.map_err(not_started)?;
        let sink = Sink::File(file.try_clone().await.map_err(not_started)?);
        self.errand("export", &arguments, network, Some(problem), allowance, sink).await?;
        rewound(file).await.map_err(not_started)
    }

    /// A file that holds `bytes`, at its beginning.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub async fn file_of(&self, bytes: &[u8]) -> io::Result<File> {
        let mut file = self.unnamed_file().await?;
        file.write_all(bytes).await?;
        rewound(file).await
    }

    /// An empty file without a name: it is gone once it is closed.
    async fn unnamed_file(&self) -> io::Result<File> {
        let path = self.scratch.join(format!("file-{}", uuid::Uuid::now_v7()));
        let file = File::options().read(true).write(true).create_new(true).open(&path).await?;
        tokio::fs::remove_file(&path).await?;
        Ok(file)
    }
}

/// The file at its beginning, all of it written.
async fn rewound(mut file: File) -> io::Result<File> {
    file.flush().await?;
    file.rewind().await?;
    Ok(file)
}
