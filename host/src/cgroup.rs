//! How much memory the control groups of this process leave it: those of a container, of a job, of a systemd unit.
//!
//! A group's limit holds for all groups in it, so each one up to the root of the hierarchy counts (Linux' documentation,
//! `admin-guide/cgroup-v2.rst` and `admin-guide/cgroup-v1/memory.rst`).

use std::fs;
use std::path::{Path, PathBuf};

/// The files of a group in one version of the hierarchy.
struct Version {
    /// Any of these limits the group.
    limits: &'static [&'static str],
    usage: &'static str,
    /// The line of `memory.stat` that says how much of the usage is page cache that nobody has used lately.
    cache: &'static str,
}

const FIRST: Version =
    Version { limits: &["memory.limit_in_bytes"], usage: "memory.usage_in_bytes", cache: "total_inactive_file" };
const SECOND: Version =
    Version { limits: &["memory.max", "memory.high"], usage: "memory.current", cache: "inactive_file" };

/// The bytes that all groups of this process leave it, with the system's files below `root`; `None` if no group limits it.
pub(crate) fn free(root: &Path) -> Option<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).ok()?;
    let free_in = |line: &str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, group) = (fields.next()?, fields.next()?);
        let version = match controllers {
            "" => &SECOND,
            names if names.split(',').any(|name| name == "memory") => &FIRST,
            _ => return None,
        };
        let mount = mounts.lines().filter_map(Mount::parse).find(|mount| mount.is_of(version))?;
        mount.groups_of(root, group).iter().filter_map(|folder| version.free(folder)).min()
    };
    groups.lines().filter_map(free_in).min()
}

impl Version {
    /// What one group leaves.
    fn free(&self, folder: &Path) -> Option<u64> {
        let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
        // `max` is no number: no limit.
        let limit = self.limits.iter().filter_map(|name| number(name)).min()?;
        let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
        let cache = stat.lines().find_map(|line| line.strip_prefix(self.cache)?.trim().parse().ok()).unwrap_or(0);
        Some(limit.saturating_sub(number(self.usage)?.saturating_sub(cache)))
    }
}

/// A mounted hierarchy: a line of `mountinfo` (`proc(5)`).
struct Mount {
    /// The group that is seen at `point`.
    root: PathBuf,
    point: PathBuf,
    kind: String,
    options: String,
}

impl Mount {
    fn parse(line: &str) -> Option<Self> {
        let (left, right) = line.split_once(" - ")?;
        let (mut left, mut right) = (left.split(' ').skip(3), right.split(' '));
        let mut path = || Some(PathBuf::from(unescaped(left.next()?)));
        let (root, point) = (path()?, path()?);
        let (kind, _, options) = (right.next()?.to_owned(), right.next()?, right.next()?.to_owned());
        Some(Self { root, point, kind, options })
    }

    fn is_of(&self, version: &Version) -> bool {
        match self.kind.as_str() {
            "cgroup2" => version.usage == SECOND.usage,
            "cgroup" => version.usage == FIRST.usage && self.options.split(',').any(|name| name == "memory"),
            _ => false,
        }
    }

    /// The folders of a group and of all above it that are seen here.
    fn groups_of(&self, root: &Path, group: &str) -> Vec<PathBuf> {
        let inside = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
        let top = inside(&self.point);
        // A container may see itself as the root, under a name that only its host knows.
        let below = Path::new(group).strip_prefix(&self.root).unwrap_or(Path::new(""));
        let below: PathBuf =
            below.components().filter(|part| matches!(part, std::path::Component::Normal(_))).collect();
        let folder = top.join(below);
        folder.ancestors().take_while(|folder| folder.starts_with(&top)).map(Path::to_owned).collect()
    }
}

/// `mountinfo` writes a space as `\040`.
fn unescaped(field: &str) -> String {
    field.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const MEGA: u64 = 1 << 20;

    /// A system's files.
    fn system(cgroup: &str, mountinfo: &str, files: &[(&str, &str)]) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in [("proc/self/cgroup", cgroup), ("proc/self/mountinfo", mountinfo)].iter().chain(files) {
            let file = root.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        root
    }

    const V2: &str =
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

    #[test]
    fn a_group_of_version_2_leaves_its_limit_less_what_it_uses_but_for_idle_cache() {
        let files = [
            ("sys/fs/cgroup/job/memory.max", "157286400\n"),
            ("sys/fs/cgroup/job/memory.current", "62914560\n"),
            ("sys/fs/cgroup/job/memory.stat", "anon 1\ninactive_file 20971520\nactive_file 5\n"),
        ];
        assert_eq!(free(system("0::/job\n", V2, &files).path()), Some(110 * MEGA));
        // What is used beyond the limit leaves nothing.
        let files = [("sys/fs/cgroup/job/memory.max", "100"), ("sys/fs/cgroup/job/memory.current", "200")];
        assert_eq!(free(system("0::/job\n", V2, &files).path()), Some(0));
    }

    #[test]
    fn a_group_above_limits_those_in_it() {
        let files = [
            ("sys/fs/cgroup/memory.max", "max"),
            ("sys/fs/cgroup/memory.current", "1"),
            ("sys/fs/cgroup/slurm/memory.max", "104857600"),
            ("sys/fs/cgroup/slurm/memory.current", "10485760"),
            ("sys/fs/cgroup/slurm/job 7/memory.max", "max"),
            ("sys/fs/cgroup/slurm/job 7/memory.high", "max"),
            ("sys/fs/cgroup/slurm/job 7/memory.current", "1048576"),
            ("sys/fs/cgroup/slurm/job 7/task/memory.current", "1048576"),
        ];
        assert_eq!(free(system("0::/slurm/job 7/task\n", V2, &files).path()), Some(90 * MEGA));
        // Beyond `high` a group is slowed down to a stop.
        let high = [("sys/fs/cgroup/slurm/job 7/memory.high", "20971520")];
        let files: Vec<_> = files.into_iter().filter(|(name, _)| *name != high[0].0).chain(high).collect();
        assert_eq!(free(system("0::/slurm/job 7/task\n", V2, &files).path()), Some(19 * MEGA));
    }

    const V1: &str = "33 32 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
                      36 32 0:32 /docker/1f /sys/fs/cgroup/memory ro,nosuid master:13 - cgroup cgroup rw,memory\n";

    #[test]
    fn a_container_of_version_1_is_found_below_the_root_that_it_sees() {
        let files = [
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "209715200\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "104857600\n"),
            ("sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 52428800\n"),
            ("sys/fs/cgroup/memory/inner/memory.limit_in_bytes", "9223372036854771712"),
            ("sys/fs/cgroup/memory/inner/memory.usage_in_bytes", "1048576"),
        ];
        for group in ["/docker/1f", "/docker/1f/inner", "/elsewhere"] {
            let cgroup = format!("12:pids:/docker/1f\n4:memory:{group}\n3:cpu,cpuacct:/docker/1f\n0::/\n");
            assert_eq!(free(system(&cgroup, V1, &files).path()), Some(150 * MEGA), "{group}");
        }
    }

    #[test]
    fn without_a_limit_nothing_is_said() {
        assert_eq!(free(system("0::/\n", V2, &[]).path()), None);
        let files = [("sys/fs/cgroup/a/memory.max", "max\n"), ("sys/fs/cgroup/a/memory.current", "5\n")];
        assert_eq!(free(system("0::/a\n", V2, &files).path()), None);
        assert_eq!(free(tempfile::tempdir().unwrap().path()), None);
        for damaged in ["", "\n", "::", "0::", "7\n:::::\n", "0::/../../../etc\n"] {
            assert_eq!(free(system(damaged, V2, &files).path()), None, "{damaged}");
            assert_eq!(free(system("0::/a\n", damaged, &files).path()), None, "{damaged}");
        }
    }
}
