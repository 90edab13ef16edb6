//! Training the full untied network stays below 600 MB resident, including data set, checkpoint and resuming.
//!
//! Only Linux reports the peak of a process, in `/proc`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use asymgrad_core::random::SplitMix;
use program::{Ended, Place};
use rand_core::Rng;

/// The bound in bytes.
const MOST: u64 = 600_000_000;

/// Six equal files in CIFAR-10's layout. They hold noise: the memory of weights whose gradient is 0 might never be touched.
fn write_noise(folder: &Path) {
    let mut bytes = vec![0; 10_000 * 3073];
    let mut generator = SplitMix::new(1);
    for (index, record) in bytes.chunks_mut(3073).enumerate() {
        generator.fill_bytes(record);
        record[0] = u8::try_from(index % 10).unwrap();
    }
    fs::create_dir(folder).unwrap();
    fs::write(folder.join("test_batch.bin"), bytes).unwrap();
    for number in 1..=5 {
        fs::hard_link(folder.join("test_batch.bin"), folder.join(format!("data_batch_{number}.bin"))).unwrap();
    }
}

/// The peak of a process's resident bytes, polled until it ends.
fn peak(child: &mut Child) -> u64 {
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.map_or(peak, |line| 1024 * line.trim().trim_end_matches(" kB").parse::<u64>().unwrap());
        std::thread::sleep(Duration::from_millis(1));
    }
    peak
}

#[test]
fn the_untied_network_trains_within_600_mb() {
    let place = Place::new();
    write_noise(&place.path("noise"));
    let run = |steps: u32| {
        let command = format!("run PG-Untie --data noise --threads 2 --out a --max-steps {steps} --json");
        let mut child = place.command(&command, "").spawn().unwrap();
        let peak = peak(&mut child);
        let ended = Ended::of(child.wait_with_output().unwrap());
        assert_eq!(ended.json()["step"], steps, "{}", ended.err);
        println!("{steps} steps: {peak} bytes");
        peak
    };
    let plan = place.run("run PG-Untie --data noise --dry-run --json").json();
    let (bytes, data) = (plan["memory_bytes"].as_u64().unwrap(), 60_000 * 3073);
    assert_eq!((plan["config"]["batch"].as_u64(), plan["config"]["optimizer"]["adam"].is_object()), (Some(128), true));
    // The second run resumes from the checkpoint of the first.
    for steps in [2, 3] {
        let peak = run(steps);
        assert!(peak < MOST, "{peak} bytes after {steps} steps, at most {MOST} are allowed");
        assert!(peak > bytes + data, "{peak} bytes are fewer than training and data take: the measurement is wrong");
    }
}
