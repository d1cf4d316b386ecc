//! A job to its end, over lost connections and restarts of the service: each connection goes on behind the last event that was
//! heard.

use std::io::BufReader;
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;
use uuid::Uuid;

use super::events::{self, JobEvent};
use super::service::Service;
use super::{RemoteError, show};
use crate::answer::Event;
use crate::cli::display::Display;

/// The pause between two attempts to reach the service.
const PAUSE: Duration = Duration::from_millis(500);

/// The flags of those commands that wait.
#[derive(Args, Debug)]
pub(super) struct Patience {
    /// How long to go on trying once a service that has answered cannot be reached any more.
    #[arg(long, env = "EXACTLIP_PATIENCE_S", default_value_t = 60.0, value_name = "SECONDS")]
    patience_s: f64,
}

/// How much of a job's life is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Telling {
    /// Nothing.
    Nothing,
    /// Methods and a progress bar on standard error.
    Progress,
    /// That, and every event as a line of standard output.
    Events,
}

/// Follows a job to its end; the job as it ended.
pub(super) fn follow(service: &Service, id: Uuid, telling: Telling, patience: &Patience) -> Result<Value, RemoteError> {
    let display = if telling == Telling::Nothing { Display::hidden() } else { Display::start() };
    let patience = Duration::try_from_secs_f64(patience.patience_s).unwrap_or(Duration::MAX);
    let mut listener = Listener { service, id, telling, display: &display, after: None, heard: None };
    let end = loop {
        match listener.listen() {
            // The stream ends with the job, and with the service.
            Ok(()) => match service.get(&format!("/v1/jobs/{id}")) {
                Ok(job) if !job["finished_at"].is_null() => break Ok(job),
                Ok(_) => {}
                Err(error) => listener.endure(error, patience)?,
            },
            Err(error) => listener.endure(error, patience)?,
        }
        sleep(PAUSE);
    };
    display.end();
    end
}

struct Listener<'a> {
    service: &'a Service,
    id: Uuid,
    telling: Telling,
    display: &'a Display,
    /// The last event that was heard.
    after: Option<i64>,
    /// When the service was heard last; `None` before it ever was.
    heard: Option<Instant>,
}

impl Listener<'_> {
    /// Tells events until the stream ends.
    fn listen(&mut self) -> Result<(), RemoteError> {
        let body = self.service.stream(&format!("/v1/jobs/{}/events", self.id), self.after)?;
        self.heard = Some(Instant::now());
        let mut stream = BufReader::new(body.into_reader());
        while let Some(event) = events::next(&mut stream).map_err(|e| self.service.lost(&e))? {
            self.heard = Some(Instant::now());
            // What is told twice is worse than what is not: the id counts first.
            self.after = event.id.or(self.after);
            self.tell(event)?;
        }
        Ok(())
    }

    fn tell(&self, event: JobEvent) -> Result<(), RemoteError> {
        if self.telling == Telling::Nothing {
            return Ok(());
        }
        let JobEvent { id, kind, mut data } = event;
        if kind == "state" {
            self.display.say(data["state"].as_str().unwrap_or_default());
        }
        if let Some(fields) = data.as_object_mut() {
            fields.insert("type".into(), kind.into());
            fields.insert("event".into(), id.into());
        }
        if self.telling == Telling::Events {
            show(&data)?;
        }
        // What a newer service tells besides is not shown.
        if let Ok(event) = serde_json::from_value::<Event>(data) {
            self.display.show(&event);
        }
        Ok(())
    }

    /// Bears an error for as long as patience lasts; passes on what no patience will change.
    fn endure(&mut self, error: RemoteError, patience: Duration) -> Result<(), RemoteError> {
        let passing = match &error {
            RemoteError::Unreachable { .. } => true,
            RemoteError::Failed { status, .. } => *status >= 500,
            _ => false,
        };
        match self.heard {
            Some(heard) if passing && heard.elapsed() < patience => {
                self.display.say("the service does not answer: tries again");
                Ok(())
            }
            _ => {
                self.display.end();
                Err(error)
            }
        }
    }
}
