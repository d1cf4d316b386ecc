//! What the system allows a service, shared out among what it does at once.

/// What a service keeps of the machine's memory for itself and for the children that read networks, in MiB.
const SERVICE_MB: u64 = 1024;
/// The least memory of a job, in MiB, on machines that are too small for their workers.
const LEAST_JOB_MB: u64 = 64;
/// Files that are open whatever happens: the database's connections, the children that read networks and build programs, what
/// is sent from disk, connections that are refused.
const OWN_FILES: u64 = 96;
/// Files for each worker: its child's pipes, and the network's file on its way.
const FILES_OF_A_WORKER: u64 = 6;
/// The fewest connections, however few files there may be.
const LEAST_CONNECTIONS: usize = 8;

/// The machine's memory in MiB; 4096 where the system does not tell.
pub(super) fn machine_memory_mb() -> u64 {
    let information = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = information.lines().find_map(|line| line.strip_prefix("MemTotal:")?.strip_suffix("kB"));
    total.and_then(|kib| kib.trim().parse::<u64>().ok()).map_or(4096, |kib| kib / 1024)
}

/// The memory that each of `workers` jobs may take on a machine of `machine_mb` MiB: together they leave the service its own.
pub(super) fn job_memory_mb(machine_mb: u64, workers: usize) -> u64 {
    let workers = u64::try_from(workers.max(1)).unwrap_or(u64::MAX);
    (machine_mb.saturating_sub(SERVICE_MB) / workers).max(LEAST_JOB_MB)
}

/// Whether `workers` jobs of `job_mb` MiB each fit into a machine of `machine_mb` MiB at once.
pub(super) fn fits(machine_mb: u64, workers: usize, job_mb: u64) -> bool {
    let workers = u64::try_from(workers.max(1)).unwrap_or(u64::MAX);
    job_mb.saturating_mul(workers) < machine_mb
}

/// How many files this process may have open, raised to `wanted` where the system allows that.
pub(super) fn open_files(wanted: u64) -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: plain system calls that read and write this one value.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return 1024;
    }
    if limit.rlim_cur < wanted {
        let raised = libc::rlimit { rlim_cur: wanted.min(limit.rlim_max), ..limit };
        // SAFETY: as above. A limit that cannot be raised stays as it was.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) } == 0 {
            return raised.rlim_cur;
        }
    }
    limit.rlim_cur
}

/// How many files a service of `connections` connections and `workers` workers has open at most.
pub(super) fn files_for(connections: usize, workers: usize) -> u64 {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let own = OWN_FILES.saturating_add(count(workers).saturating_mul(FILES_OF_A_WORKER));
    own.saturating_add(count(connections))
}

/// How many connections fit below a limit of `files` open files, of those `wanted`.
pub(super) fn connections(files: u64, workers: usize, wanted: usize) -> usize {
    let room = usize::try_from(files.saturating_sub(files_for(0, workers))).unwrap_or(usize::MAX);
    wanted.min(room.max(LEAST_CONNECTIONS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_at_once_fit_into_the_machine() {
        for machine in [2048, 16_000, 65_536] {
            for workers in 0..=16 {
                assert!(fits(machine, workers, job_memory_mb(machine, workers)), "{machine} {workers}");
            }
        }
        assert!(!fits(16_000, 2, 8000));
        assert!(fits(16_000, 2, 7999));
        assert!(!fits(16_000, usize::MAX, u64::MAX));
    }

    #[test]
    fn connections_stay_below_the_limit_of_files() {
        for files in [128, 256, 1024, 65_536] {
            for workers in [0, 2, 8] {
                let connections = connections(files, workers, 2048);
                assert!(connections == LEAST_CONNECTIONS || files_for(connections, workers) <= files);
                assert!((LEAST_CONNECTIONS..=2048).contains(&connections));
            }
        }
        assert_eq!(connections(65_536, 2, 2048), 2048);
        assert_eq!(connections(256, 2, 2048), 148);
    }
}
