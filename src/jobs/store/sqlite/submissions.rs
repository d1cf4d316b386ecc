//! New jobs. Submissions that arrive while one transaction is written to the disk share the next one: the disk is asked once
//! for all of them, and each is acknowledged only when it is there.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use sqlx::{QueryBuilder, Sqlite, Transaction};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::answers::{self, Answer};
use super::writer::Writer;
use super::{StoreError, events, json, now};
use crate::jobs::State;
use crate::jobs::store::{IdempotencyKey, NewJob};

/// How many submissions share a transaction at most: others want to write, too.
const MOST: usize = 64;
/// How many submissions wait for the next transaction before those who submit have to.
const CAPACITY: usize = 1024;
/// How many labels are written at once: a statement has room for some ten thousand values.
const MOST_LABELS: usize = 1000;

/// A submission on its way.
struct Submission {
    job: NewJob,
    max_queued: u64,
    /// Takes the id of the job that was made, now or by the same request before.
    reply: oneshot::Sender<Result<Uuid, StoreError>>,
}

/// The way to the task that writes new jobs; the task ends when it is dropped.
#[derive(Clone, Debug)]
pub(super) struct Submissions(mpsc::Sender<Submission>);

impl Submissions {
    /// Starts the task that writes to `writer`.
    pub(super) fn start(writer: Writer) -> Self {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        tokio::spawn(write(writer, receiver));
        Self(sender)
    }

    /// Writes a new job; its id once it is stored, or the id of the job that the same request has made before.
    pub(super) async fn submit(&self, job: NewJob, max_queued: u64) -> Result<Uuid, StoreError> {
        let (reply, made) = oneshot::channel();
        self.0.send(Submission { job, max_queued, reply }).await.map_err(|_| ended())?;
        made.await.map_err(|_| ended())?
    }
}

/// That the task is gone.
fn ended() -> StoreError {
    StoreError::Database(sqlx::Error::WorkerCrashed)
}

async fn write(writer: Writer, mut submissions: mpsc::Receiver<Submission>) {
    let mut batch = Vec::with_capacity(MOST);
    while submissions.recv_many(&mut batch, MOST).await > 0 {
        match caught(together(&writer, &batch)).await {
            Ok(outcomes) => {
                for (submission, outcome) in batch.drain(..).zip(outcomes) {
                    // Who submitted may be gone.
                    let _ = submission.reply.send(outcome);
                }
            }
            // One that the database refuses must not take the others down.
            Err(_) => {
                for submission in batch.drain(..) {
                    let outcome = caught(together(&writer, std::slice::from_ref(&submission))).await;
                    let outcome =
                        outcome.and_then(|outcomes| outcomes.into_iter().next().unwrap_or_else(|| Err(ended())));
                    let _ = submission.reply.send(outcome);
                }
            }
        }
    }
}

/// What comes of `work`; a panic is a failure of the database: the task must go on.
async fn caught<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| Err(ended()))
}

/// Writes a batch in one transaction; what became of each once all are stored. How often the database is asked does not grow
/// with the batch, but for those that have a stored answer.
///
/// # Errors
/// What the database says: nothing is stored then.
async fn together(writer: &Writer, batch: &[Submission]) -> Result<Vec<Result<Uuid, StoreError>>, StoreError> {
    let mut transaction = writer.begin().await?;
    let keys = batch.iter().filter_map(|s| s.job.key.as_ref());
    let mut known = Known::of(&mut transaction, batch.iter().map(|s| &s.job), keys).await?;
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut rows = Vec::with_capacity(batch.len());
    for Submission { job, max_queued, .. } in batch {
        match known.decide(&mut transaction, job, *max_queued).await {
            Ok(Decision::MadeBefore(id)) => outcomes.push(Ok(id)),
            Ok(Decision::New(answer)) => {
                let id = Uuid::now_v7();
                if let Some(key) = &job.key {
                    known.keys.insert(key.key.clone(), (key.body.clone(), id));
                }
                outcomes.push(Ok(id));
                rows.push(Row { id, job, batch: None, created_at: now(), answer });
            }
            Err(error @ (StoreError::Database(_) | StoreError::Corrupt(..))) => return Err(error),
            Err(refusal) => outcomes.push(Err(refusal)),
        }
    }
    insert(&mut transaction, &rows).await?;
    transaction.commit().await?;
    Ok(outcomes)
}

/// What is known of some new jobs.
pub(super) struct Known {
    /// How many jobs wait.
    queued: u64,
    /// How many jobs of each key wait.
    shares: HashMap<Uuid, u64>,
    /// The networks that are there.
    networks: HashSet<String>,
    /// For each idempotency key that was used: the hash of its body, and the job that it made.
    pub(super) keys: HashMap<String, (String, Uuid)>,
    /// The questions that have an answer.
    questions: HashSet<String>,
}

/// What becomes of a submission that is not refused.
pub(super) enum Decision {
    /// The same request made this job before.
    MadeBefore(Uuid),
    /// A new job; it has this answer already.
    New(Option<Answer>),
}

impl Known {
    /// Asks the database about `jobs`, and about the requests' `keys`.
    pub(super) async fn of<'a>(
        transaction: &mut Transaction<'_, Sqlite>,
        jobs: impl Iterator<Item = &'a NewJob> + Clone,
        keys: impl Iterator<Item = &'a IdempotencyKey>,
    ) -> Result<Self, StoreError> {
        let queued: i64 = sqlx::query_scalar("SELECT count(*) FROM jobs WHERE state = 'queued'")
            .fetch_one(&mut **transaction)
            .await?;
        Ok(Self {
            queued: queued.unsigned_abs(),
            shares: shares(transaction, jobs.clone()).await?,
            networks: networks(transaction, jobs.clone()).await?,
            keys: answers::made_before(transaction, keys).await?,
            questions: answers::answered(transaction, jobs.filter(|job| job.cache)).await?,
        })
    }

    /// What becomes of a job, as the next one after those decided before.
    pub(super) async fn decide(
        &mut self,
        transaction: &mut Transaction<'_, Sqlite>,
        job: &NewJob,
        max_queued: u64,
    ) -> Result<Decision, StoreError> {
        if let Some(key) = &job.key
            && let Some((body, id)) = self.keys.get(&key.key)
        {
            return if *body == key.body { Ok(Decision::MadeBefore(*id)) } else { Err(StoreError::KeyReused) };
        }
        if !self.networks.contains(&job.network) {
            return Err(StoreError::UnknownNetwork(job.network.clone()));
        }
        let answered = job.cache && self.questions.contains(&job.question);
        let answer = if answered { answers::find(transaction, job).await? } else { None };
        if answer.is_none() {
            if self.queued >= max_queued {
                return Err(StoreError::QueueFull(self.queued));
            }
            if let Some(owner) = job.owner {
                let waiting = self.shares.entry(owner.key).or_default();
                if *waiting >= owner.most {
                    return Err(StoreError::ShareFull(*waiting));
                }
                *waiting += 1;
            }
            self.queued += 1;
        }
        Ok(Decision::New(answer))
    }
}

/// How many jobs wait of each key that one of the jobs comes with.
async fn shares(
    transaction: &mut Transaction<'_, Sqlite>,
    jobs: impl Iterator<Item = &NewJob>,
) -> Result<HashMap<Uuid, u64>, StoreError> {
    let owners: HashSet<Uuid> = jobs.filter_map(|job| Some(job.owner?.key)).collect();
    let mut shares = HashMap::with_capacity(owners.len());
    for owner in owners {
        let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM jobs WHERE state = 'queued' AND key = ?")
            .bind(owner.to_string())
            .fetch_one(&mut **transaction)
            .await?;
        shares.insert(owner, waiting.unsigned_abs());
    }
    Ok(shares)
}

/// Those of the jobs' networks that are there.
async fn networks(
    transaction: &mut Transaction<'_, Sqlite>,
    jobs: impl Iterator<Item = &NewJob>,
) -> Result<HashSet<String>, StoreError> {
    let asked: HashSet<&String> = jobs.map(|job| &job.network).collect();
    let mut query = QueryBuilder::<Sqlite>::new("SELECT id FROM networks WHERE deleted_at IS NULL AND id IN (");
    let mut ids = query.separated(", ");
    for id in asked {
        ids.push_bind(id.clone());
    }
    query.push(")");
    Ok(query.build_query_scalar().persistent(false).fetch_all(&mut **transaction).await?.into_iter().collect())
}

/// A job to be written: one that waits, or one that has its answer already.
pub(super) struct Row<'a> {
    pub(super) id: Uuid,
    pub(super) job: &'a NewJob,
    /// The batch that it belongs to.
    pub(super) batch: Option<Uuid>,
    pub(super) created_at: i64,
    pub(super) answer: Option<Answer>,
}

impl Row<'_> {
    fn state(&self) -> State {
        if self.answer.is_some() { State::Succeeded } else { State::Queued }
    }
}

/// Writes the rows, of which there are at most some thousand: a statement has room for some ten thousand values.
pub(super) async fn insert(transaction: &mut Transaction<'_, Sqlite>, rows: &[Row<'_>]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    // What cannot fail any more is written as one statement.
    let texts = rows.iter().map(|row| {
        let problem = &row.job.problem;
        Ok([json("labels", &problem.labels)?, json("notes", &row.job.notes)?, json("problem", problem)?])
    });
    let texts = texts.collect::<Result<Vec<[String; 3]>, StoreError>>()?;
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT INTO jobs (id, kind, state, network, priority, created_at, started_at, finished_at, labels, notes, \
             problem, question, cached_from, batch, progress, result, key) ",
    );
    query.push_values(rows.iter().zip(texts), |mut values, (row, [labels, notes, problem])| {
        let Row { id, job, batch, created_at, answer } = row;
        let finished_at = answer.as_ref().map(|_| *created_at);
        values.push_bind(id.to_string()).push_bind(job.problem.kind.name()).push_bind(row.state().name());
        values.push_bind(job.network.clone()).push_bind(job.problem.priority);
        values.push_bind(*created_at).push_bind(finished_at).push_bind(finished_at);
        values.push_bind(labels).push_bind(notes).push_bind(problem).push_bind(job.question.clone());
        values.push_bind(answer.as_ref().map(|answer| answer.job.clone()));
        values.push_bind(batch.map(|batch| batch.to_string()));
        values.push_bind(answer.as_ref().and_then(|answer| answer.progress.clone()));
        values.push_bind(answer.as_ref().map(|answer| answer.result.clone()));
        values.push_bind(job.owner.map(|owner| owner.key.to_string()));
    });
    query.build().persistent(false).execute(&mut **transaction).await?;

    let labels: Vec<(&String, &String, Uuid)> =
        rows.iter().flat_map(|row| row.job.problem.labels.iter().map(|(name, value)| (name, value, row.id))).collect();
    for labels in labels.chunks(MOST_LABELS) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO labels (name, value, job) ");
        query.push_values(labels, |mut values, (name, value, id)| {
            values.push_bind((*name).clone()).push_bind((*value).clone()).push_bind(id.to_string());
        });
        query.build().persistent(false).execute(&mut **transaction).await?;
    }
    let keys = rows.iter().filter_map(|row| Some((row.job.key.as_ref()?, row.id)));
    answers::keep_keys(transaction, &keys.collect::<Vec<_>>()).await?;
    events::of_new_jobs(transaction, rows.iter().map(|row| (row.id, row.state()))).await
}
