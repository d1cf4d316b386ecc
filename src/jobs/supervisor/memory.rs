//! The memory of children: their limit is enforced by a control group of the system where one can be had, and by looking at
//! them where not.
//!
//! A child watches itself and stops softly before its limit. What is here ends one that could not: between two looks it can
//! touch no more than the system lets it have, which the child itself limits before it reads anything.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a child's memory is looked at.
pub(super) const INTERVAL: Duration = Duration::from_millis(20);
/// Where the system's control groups are.
const MOUNT: &str = "/sys/fs/cgroup";

/// The control groups (version 2) of this service: one for itself and one for each child.
///
/// They are had where the system has put the service alone into a group that it may divide: a unit with `Delegate=yes`, a
/// container. A group with members of its own cannot give memory limits to groups below (Linux,
/// `Documentation/admin-guide/cgroup-v2.rst`, "No Internal Process Constraint"); so the service moves into one of these.
#[derive(Clone, Debug)]
pub(super) struct Groups(PathBuf);

impl Groups {
    /// Divides the service's own group; `None` where that cannot be done, and nothing has changed then.
    pub(super) fn divide() -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let path = own.lines().find_map(|line| line.strip_prefix("0::"))?;
        let groups = Self::divide_at(&Path::new(MOUNT).join(path.trim_start_matches('/')), std::process::id());
        match &groups {
            Some(groups) => tracing::info!(group = %groups.0.display(), "control groups limit the memory of jobs"),
            None => tracing::info!("no control groups can be had: the memory of jobs is limited by looking at it"),
        }
        groups
    }

    fn divide_at(base: &Path, process: u32) -> Option<Self> {
        let controllers = fs::read_to_string(base.join("cgroup.controllers")).ok()?;
        if !controllers.split_whitespace().any(|name| name == "memory") {
            return None;
        }
        let service = base.join("exactlip-service");
        match fs::create_dir(&service) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return None,
            _ => {}
        }
        let moved = fs::write(service.join("cgroup.procs"), process.to_string());
        if moved.and_then(|()| fs::write(base.join("cgroup.subtree_control"), "+memory")).is_ok() {
            return Some(Self(base.to_path_buf()));
        }
        // Others are in the group, which are not this service's to move.
        let _ = fs::write(base.join("cgroup.procs"), process.to_string());
        let _ = fs::remove_dir(&service);
        None
    }

    /// A group for a process, of at most `limit_mb` MiB; `None` where the system refuses.
    fn take_in(&self, name: &str, process: u32, limit_mb: u64) -> Option<Group> {
        let group = Group(self.0.join(name));
        fs::create_dir(&group.0).ok()?;
        let limit = fs::write(group.0.join("memory.max"), limit_mb.saturating_mul(1 << 20).to_string());
        // Not every system counts what is swapped out.
        let _ = fs::write(group.0.join("memory.swap.max"), "0");
        limit.and_then(|()| fs::write(group.0.join("cgroup.procs"), process.to_string())).ok()?;
        Some(group)
    }
}

/// A child's control group; it goes with this value.
#[derive(Debug)]
struct Group(PathBuf);

impl Group {
    /// Whether the system has ended a process of the group for want of memory.
    fn has_killed(&self) -> bool {
        let events = fs::read_to_string(self.0.join("memory.events")).unwrap_or_default();
        events.lines().any(|line| line.strip_prefix("oom_kill ").is_some_and(|count| count != "0"))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Fails while the child still ends; an empty group costs nothing.
        let _ = fs::remove_dir(&self.0);
    }
}

/// Looks after one child's memory.
#[derive(Debug)]
pub(super) struct Watch {
    process: u32,
    limit_mb: u64,
    group: Option<Group>,
    exceeded: bool,
}

impl Watch {
    /// Begins to watch a child; `name` is its own.
    pub(super) fn start(groups: Option<&Groups>, name: &str, process: Option<u32>, limit_mb: u64) -> Self {
        // Without an id the child has ended.
        let process = process.unwrap_or_default();
        let group = groups.and_then(|groups| groups.take_in(name, process, limit_mb));
        Self { process, limit_mb, group, exceeded: false }
    }

    /// Looks: whether the child holds more than its limit and must be ended.
    pub(super) fn exceeds(&mut self) -> bool {
        let held = resident_bytes(self.process).unwrap_or(0);
        self.exceeded |= held > self.limit_mb.saturating_mul(1 << 20);
        self.exceeded
    }

    /// Whether it was its memory that ended the child.
    pub(super) fn has_killed(&self) -> bool {
        self.exceeded || self.group.as_ref().is_some_and(Group::has_killed)
    }

    /// The limit in MiB.
    pub(super) fn limit_mb(&self) -> u64 {
        self.limit_mb
    }
}

/// The memory that a process holds; `None` once it has ended.
fn resident_bytes(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let held = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    let kib = held("VmRSS:")?.saturating_add(held("VmSwap:").unwrap_or(0));
    Some(kib.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_child_is_over_its_limit_when_it_holds_more() {
        let own = std::process::id();
        let held_mb = resident_bytes(own).unwrap() >> 20;
        assert!(!Watch::start(None, "x", Some(own), 10 * held_mb + 1000).exceeds());
        let mut watch = Watch::start(None, "x", Some(own), 1);
        assert!(watch.exceeds() && watch.has_killed());
        assert!(!Watch::start(None, "x", None, 0).exceeds(), "it has ended");
    }

    #[test]
    fn a_group_that_may_be_divided_limits_each_child_and_tells_whom_the_system_has_ended() {
        // Ordinary files stand in for the system's.
        let base = TempDir::new().unwrap();
        let at = |name: &str| base.path().join(name);
        assert!(Groups::divide_at(base.path(), 7).is_none(), "no control groups");
        fs::write(at("cgroup.controllers"), "cpu pids\n").unwrap();
        assert!(Groups::divide_at(base.path(), 7).is_none(), "no memory to divide");
        fs::write(at("cgroup.controllers"), "cpu memory pids\n").unwrap();
        let groups = Groups::divide_at(base.path(), 7).unwrap();
        let read = |name: &str| fs::read_to_string(at(name)).unwrap();
        assert_eq!(
            (read("exactlip-service/cgroup.procs"), read("cgroup.subtree_control")),
            ("7".into(), "+memory".into())
        );

        let watch = Watch::start(Some(&groups), "job-1", Some(4_000_000_000), 64);
        assert_eq!(read("job-1/memory.max"), (64 << 20).to_string());
        assert_eq!((read("job-1/memory.swap.max"), read("job-1/cgroup.procs")), ("0".into(), "4000000000".into()));
        assert!(!watch.has_killed());
        fs::write(at("job-1/memory.events"), "low 0\nmax 9\noom 1\noom_kill 1\n").unwrap();
        assert!(watch.has_killed());
    }

    /// A group of the system's own that has memory to divide, if this process may make one; it goes with the value.
    struct Base(PathBuf);

    impl Base {
        fn new() -> Result<Self, String> {
            let mounts = fs::read_to_string("/proc/mounts").map_err(|error| error.to_string())?;
            let mount = mounts.lines().find(|line| line.split(' ').nth(2) == Some("cgroup2"));
            let root = PathBuf::from(mount.and_then(|line| line.split(' ').nth(1)).ok_or("there is no cgroup2")?);
            let _ = fs::write(root.join("cgroup.subtree_control"), "+memory");
            let base = Self(root.join(format!("exactlip-test-{}", std::process::id())));
            fs::create_dir(&base.0).map_err(|error| format!("{}: {error}", base.0.display()))?;
            let controllers = fs::read_to_string(base.0.join("cgroup.controllers")).unwrap_or_default();
            let memory = controllers.split_whitespace().any(|name| name == "memory");
            if memory { Ok(base) } else { Err(format!("{} has no memory to divide", root.display())) }
        }
    }

    impl Drop for Base {
        fn drop(&mut self) {
            let _ = fs::remove_dir(self.0.join("exactlip-service"));
            let _ = fs::remove_dir(&self.0);
        }
    }

    #[test]
    fn the_system_ends_a_child_of_a_real_group_that_takes_more_than_its_limit() {
        use std::io::Write;
        use std::process::{Command, Stdio};

        let base = match Base::new() {
            Ok(base) => base,
            Err(reason) => return println!("skipped: {reason}"),
        };
        let shell = |script: &str| Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).spawn().unwrap();
        // In the service's place: it moves, and this test stays where it is.
        let mut service = shell("read line");
        let groups = Groups::divide_at(&base.0, service.id()).expect("the group is this test's alone");
        // A line without end is kept whole.
        for (megabytes, fits) in [(8, true), (256, false)] {
            let mut child =
                shell(&format!("read line; head -c {megabytes}000000 /dev/zero | tail -n 1 | wc -c > /dev/null"));
            let mut watch = Watch::start(Some(&groups), "job", Some(child.id()), 64);
            assert!(watch.group.is_some());
            child.stdin.take().unwrap().write_all(b"\n").unwrap();
            child.wait().unwrap();
            assert_eq!(watch.has_killed(), !fits, "{megabytes} MB");
            assert!(!watch.exceeds());
            drop(watch);
            assert!(!base.0.join("job").exists());
        }
        service.kill().unwrap();
        service.wait().unwrap();
    }

    #[test]
    fn a_group_with_other_members_is_left_as_it_was() {
        let base = TempDir::new().unwrap();
        fs::write(base.path().join("cgroup.controllers"), "memory").unwrap();
        // What the system refuses to write.
        fs::create_dir(base.path().join("cgroup.subtree_control")).unwrap();
        assert!(Groups::divide_at(base.path(), 7).is_none());
        assert_eq!(fs::read_to_string(base.path().join("cgroup.procs")).unwrap(), "7", "it moves back");
    }
}
