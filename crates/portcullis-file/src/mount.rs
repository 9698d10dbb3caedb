//! Detects that the source of a bind mount was renamed.
//!
//! A bind mount keeps showing the file or directory that was mounted, wherever that is renamed to. A new one at the old
//! path does not appear in the mount. Link counts and `/proc/self/fd` do not show this.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek},
};

use rustix::fs::{AtFlags, StatxFlags, statx};

/// The mount that a file lies on. Known on Linux 5.8 and later.
///
/// Keep a file on the mount open while this is used: otherwise the kernel may reuse the mount id.
#[derive(Debug)]
pub(crate) struct Mount {
    id: u64,
    source: Option<Source>,
}

/// The mounted file or directory, if it can be renamed.
#[derive(Debug)]
struct Source {
    /// Kept open, so it can be read when the process has no free file descriptor.
    mountinfo: File,
    path: Vec<u8>,
}

impl Mount {
    /// The mount that `file` lies on. Returns `before` if that is still the mount, so `mountinfo` is read only once for
    /// a file that is not on a bind mount.
    pub(crate) fn of(file: &File, before: Option<Self>) -> Option<Self> {
        let found = statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
        if found.stx_mask & StatxFlags::MNT_ID.bits() == 0 {
            return None;
        }
        let id = found.stx_mnt_id;
        if before.as_ref().is_some_and(|before| before.id == id) {
            return before;
        }
        let mountinfo = File::open("/proc/self/mountinfo").ok()?;
        let line = find(&mountinfo, id)?;
        // A whole file system has no name that could be renamed, and the source of `/` is not replaced while we run.
        let is_fixed = line.source == b"/" || line.mount_point == b"/";
        let source = (!is_fixed).then_some(Source {
            mountinfo,
            path: line.source,
        });
        Some(Self { id, source })
    }

    /// Whether the source was renamed since `of`.
    pub(crate) fn is_source_renamed(&self) -> bool {
        self.source.as_ref().is_some_and(|source| {
            let mut mountinfo = &source.mountinfo;
            mountinfo.rewind().is_ok()
                && find(mountinfo, self.id).is_some_and(|now| now.source != source.path)
        })
    }
}

/// A line of `/proc/self/mountinfo`. Both paths are escaped.
struct Line {
    /// The path of the source in its file system.
    source: Vec<u8>,
    mount_point: Vec<u8>,
}

fn find(mountinfo: impl Read, id: u64) -> Option<Line> {
    BufReader::new(mountinfo)
        .split(b'\n')
        .map_while(Result::ok)
        .find_map(|line| parse(&line, id))
}

/// Parses the line of the mount `id`: `36 35 98:0 /source /mount\040point rw,noatime - ext3 /dev/root rw`.
fn parse(line: &[u8], id: u64) -> Option<Line> {
    let mut fields = line.split(|byte| *byte == b' ');
    if std::str::from_utf8(fields.next()?).ok()?.parse() != Ok(id) {
        return None;
    }
    Some(Line {
        source: fields.nth(2)?.to_vec(),
        mount_point: fields.next()?.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTINFO: &str = r"22 1 0:20 / / rw,relatime shared:1 - overlay overlay rw
137 22 8:1 /srv/keys.bak /etc/my\040keys rw master:1 propagate_from:2 - ext4 /dev/sda1 rw
37 22 8:1 /srv/gone//deleted /etc/gone rw - ext4 /dev/sda1 rw
40 22
";

    #[test]
    fn mount_is_found_by_its_id() {
        let found = |id| find(MOUNTINFO.as_bytes(), id).map(|line| (line.source, line.mount_point));
        let line = |source: &str, mount_point: &str| Some((source.into(), mount_point.into()));
        assert_eq!(found(22), line("/", "/"));
        assert_eq!(found(137), line("/srv/keys.bak", r"/etc/my\040keys"));
        assert_eq!(found(37), line("/srv/gone//deleted", "/etc/gone"));
        for absent in [1, 7, 40] {
            assert_eq!(found(absent), None, "{absent}");
        }
    }

    #[test]
    fn mountinfo_is_not_kept_open_for_a_whole_file_system() {
        let file = File::open("/proc/self/stat").expect("opened");
        if let Some(mount) = Mount::of(&file, None) {
            assert!(mount.source.is_none() && !mount.is_source_renamed());
        }
    }
}
