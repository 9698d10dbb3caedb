//! Detects mounts that hide changes of a file: the file is a mount point, or the source of a bind mount was renamed.
//!
//! A bind mount keeps showing the file or directory that was mounted, also after a rename. A new file or directory at the
//! old path does not appear in the mount. Link counts and `/proc/self/fd` do not show this.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Seek},
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};

/// Whether the opened file is itself a mount point. Known on Linux 5.8 and later.
pub(crate) fn is_mount_point(file: &File) -> bool {
    statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::empty())
        .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// The mounts that a path crosses. Known on Linux 5.8 and later.
#[derive(Debug, Default)]
pub(crate) struct Mounts {
    /// The id of each mount, and the inode at which the path enters the mount. The inode differs if a later mount got the same id.
    crossed: Vec<(u64, DeviceAndInode)>,
    /// The id and the source (the mounted file or directory) of each mount whose source can be renamed.
    sources: Vec<(u64, Vec<u8>)>,
    /// `/proc/self/mountinfo`, kept open to be read when the process has no free file descriptor.
    mountinfo: Option<File>,
}

/// The major and minor number of the device, and the number of the inode.
type DeviceAndInode = (u32, u32, u64);

impl Mounts {
    /// Notes the mounts on the way to `path` and their sources. If the mounts are those noted before, their sources stay as
    /// they were first noted.
    pub(crate) fn update(&mut self, path: &Path) {
        let crossed = crossed(path);
        if crossed == self.crossed {
            return;
        }
        // If it cannot be opened, the noted mounts stay until the next call.
        let Ok(mountinfo) = File::open("/proc/self/mountinfo") else {
            return;
        };
        let source = |&(id, _): &(u64, DeviceAndInode)| {
            let (source, mount_point) = find_mount(rewound(&mountinfo)?, id)?;
            // A whole file system has no name that could be renamed, and the source of `/` is not replaced while we run.
            let is_fixed = source == b"/" || mount_point == b"/";
            (!is_fixed).then_some((id, source))
        };
        self.sources = crossed.iter().filter_map(source).collect();
        self.mountinfo = (!self.sources.is_empty()).then_some(mountinfo);
        self.crossed = crossed;
    }

    pub(crate) fn is_source_renamed(&self) -> bool {
        self.mountinfo.as_ref().is_some_and(|mountinfo| {
            self.sources.iter().any(|(id, source)| {
                let now = rewound(mountinfo).and_then(|lines| find_mount(lines, *id));
                now.is_some_and(|(now, _)| now != *source)
            })
        })
    }
}

/// Resolves `path` as the kernel does, and returns the mounts of the file and of all directories on the way.
fn crossed(path: &Path) -> Vec<(u64, DeviceAndInode)> {
    const MAX_LINKS: usize = 40;
    const WANTED: StatxFlags = StatxFlags::MNT_ID.union(StatxFlags::INO);

    let mut found: Vec<(u64, DeviceAndInode)> = Vec::new();
    let start = if path.is_absolute() { "/" } else { "." };
    let (mut at, mut rest, mut links) = (PathBuf::from(start), path.to_owned(), 0);
    loop {
        if let Ok(stat) = statx(CWD, &at, AtFlags::empty(), WANTED)
            && stat.stx_mask & StatxFlags::MNT_ID.bits() != 0
            && found.iter().all(|(id, _)| *id != stat.stx_mnt_id)
        {
            let inode = (stat.stx_dev_major, stat.stx_dev_minor, stat.stx_ino);
            found.push((stat.stx_mnt_id, inode));
        }
        let mut components = rest.components();
        let Some(next) = components.next() else {
            return found;
        };
        let next = at.join(next);
        let after = components.as_path().to_owned();
        match fs::read_link(&next) {
            Ok(target) if links < MAX_LINKS => (rest, links) = (target.join(after), links + 1),
            _ => (at, rest) = (next, after),
        }
    }
}

fn rewound(mut mountinfo: &File) -> Option<&File> {
    mountinfo.rewind().ok().map(|()| mountinfo)
}

/// The source of the mount `id`, as a path in its file system, and the mount point, both escaped. The line of a mount is
/// `36 35 98:0 /source /mount\040point rw,noatime - ext3 /dev/root rw`, with the id first.
fn find_mount(mountinfo: impl Read, id: u64) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut lines = BufReader::new(mountinfo).split(b'\n').map_while(Result::ok);
    lines.find_map(|line| {
        let mut fields = line.split(|byte| *byte == b' ');
        let is_wanted = std::str::from_utf8(fields.next()?).ok()?.parse() == Ok(id);
        let (source, mount_point) = (fields.nth(2)?, fields.next()?);
        is_wanted.then(|| (source.to_vec(), mount_point.to_vec()))
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
        let found = |id| find_mount(MOUNTINFO.as_bytes(), id);
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
        let path = Path::new("/proc/self/stat");
        let mut mounts = Mounts::default();
        mounts.update(path);
        assert!(mounts.mountinfo.is_none() && !mounts.is_source_renamed());
    }
}
