//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// daemonUser is snap_daemon's number on every machine.
const daemonUser = 584788

func identity() {
	groups, err := os.Getgroups()
	say("user", fmt.Sprintf("uid %d gid %d groups %v %v", os.Getuid(), os.Getgid(), groups, err))
	for _, file := range []string{"/proc/self/status", "/proc/self/stat", "/proc/self/attr/current", "/proc/self/limits", "/proc/self/fd",
		"/proc/loadavg", "/proc/uptime", "/proc/meminfo", "/proc/net/route", "/proc/sys/kernel/random/boot_id", "/etc/machine-id", "/etc/os-release", "/etc/passwd",
		"/etc/resolv.conf", "/etc/ssl/certs", "/usr/share/zoneinfo", "/etc/localtime", "/sys/fs/cgroup/cgroup.controllers"} {
		f, err := os.Open(file)
		if err == nil {
			_, err = f.Stat()
			if info, _ := f.Stat(); err == nil && !info.IsDir() {
				_, err = f.Read(make([]byte, 1))
			}
			f.Close()
		}
		say("read "+file, err)
	}
	label, _ := os.ReadFile("/proc/self/attr/current")
	say("label", strings.Trim(string(label), "\x00\n"))
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "Cap") || strings.HasPrefix(line, "NoNewPrivs") || strings.HasPrefix(line, "Seccomp") {
			say("status", strings.Join(strings.Fields(line), " "))
		}
	}
}

// kernel asks for the calls that the product makes.
func kernel(dir string) {
	var l unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l)
	say("getrlimit NOFILE", fmt.Sprintf("%d of %d %v", l.Cur, l.Max, err))
	say("setrlimit NOFILE to the hard limit", unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: l.Max, Max: l.Max}))
	say("setrlimit NOFILE above the hard limit", unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: l.Max + 1, Max: l.Max + 1}))
	say("setrlimit CORE 0", unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}))
	say("prctl PDEATHSIG 0", unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0))
	fd, err := unix.MemfdCreate("probe", unix.MFD_CLOEXEC)
	say("memfd_create", err)
	_ = unix.Close(fd)
	fd, err = unix.InotifyInit1(unix.IN_CLOEXEC)
	say("inotify_init1", err)
	_, err = unix.InotifyAddWatch(fd, dir, unix.IN_CREATE)
	say("inotify_add_watch", err)
	_ = unix.Close(fd)
	fd, err = unix.EpollCreate1(0)
	say("epoll_create1", err)
	_ = unix.Close(fd)
	fd, err = unix.PidfdOpen(os.Getpid(), 0)
	say("pidfd_open", err)
	_ = unix.Close(fd)
	locks(filepath.Join(dir, "lock"))
	files(dir)
	say("kill(self, 0)", syscall.Kill(os.Getpid(), 0))
	say("setpriority", unix.Setpriority(unix.PRIO_PROCESS, 0, 5))
	say("sched_setaffinity", func() error {
		var set unix.CPUSet
		if err := unix.SchedGetaffinity(0, &set); err != nil {
			return err
		}
		return unix.SchedSetaffinity(0, &set)
	}())
	say("getrandom", func() error { _, err := unix.Getrandom(make([]byte, 8), 0); return err }())
	say("mlock", func() error { return unix.Mlock(make([]byte, 4096)) }())
	say("clock_settime", unix.ClockSettime(unix.CLOCK_REALTIME, &unix.Timespec{Sec: time.Now().Unix()}))
	say("adjtimex (read)", func() error { _, err := unix.Adjtimex(&unix.Timex{}); return err }())
}

// locks tries both kinds of fcntl locks and flock.
func locks(name string) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		say("lock file", err)
		return
	}
	defer f.Close()
	lock := func() *unix.Flock_t { return &unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart} }
	say("F_SETLK", unix.FcntlFlock(f.Fd(), unix.F_SETLK, lock()))
	held := lock()
	err = unix.FcntlFlock(f.Fd(), unix.F_GETLK, held)
	say("F_GETLK", err)
	say("F_OFD_SETLK", unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, lock()))
	say("flock", unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB))
}

// files tries what a database and atomic writes need.
func files(dir string) {
	name := filepath.Join(dir, "file")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		say("create", err)
		return
	}
	defer f.Close()
	say("fsync", f.Sync())
	say("fdatasync", unix.Fdatasync(int(f.Fd())))
	say("fallocate", unix.Fallocate(int(f.Fd()), 0, 0, 4096))
	say("ftruncate", f.Truncate(8192))
	data, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	say("mmap shared", err)
	_ = unix.Munmap(data)
	say("fchmod", f.Chmod(0o644))
	say("fchown to self", f.Chown(os.Getuid(), os.Getgid()))
	say("utimensat", os.Chtimes(name, time.Now(), time.Now()))
	say("link", os.Link(name, name+".link"))
	_ = os.Remove(name + ".link")
	say("symlink", os.Symlink(name, name+".symlink"))
	_ = os.Remove(name + ".symlink")
	say("rename", os.Rename(name, name+".new"))
	say("renameat2 NOREPLACE", unix.Renameat2(unix.AT_FDCWD, name+".new", unix.AT_FDCWD, name, unix.RENAME_NOREPLACE))
	d, err := os.Open(dir)
	say("fsync of the directory", func() error {
		if err != nil {
			return err
		}
		defer d.Close()
		return d.Sync()
	}())
	var fs unix.Statfs_t
	say("statfs", unix.Statfs(dir, &fs))
}

// service asks as root, gives a directory away, becomes snap_daemon, asks again and then listens until it is ended.
func service() {
	// First of all: until it is there, the hook, the commands and systemd's SIGTERM have nobody to talk to.
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	identity()
	environment()
	give()
	become()
	identity()
	settings()
	say("restart as snap_daemon", ran("snapctl", "restart", os.Getenv("SNAP_INSTANCE_NAME")+".gate"))
	kernel(runDir())
	go listen()
	<-end
	say("ended by", "SIGTERM")
}

// give makes directories and files as root and changes their owner.
func give() {
	say("umask", fmt.Sprintf("%04o", syscall.Umask(0o022)))
	for _, base := range []string{"SNAP_DATA", "SNAP_COMMON"} {
		dir := filepath.Join(os.Getenv(base), "run")
		say("mkdir $"+base+"/run", os.MkdirAll(dir, 0o711))
		name := filepath.Join(dir, "private")
		say("root writes $"+base+"/run/private", os.WriteFile(name, []byte("x"), 0o600))
		say("chown $"+base+"/run/private to snap_daemon", os.Lchown(name, daemonUser, daemonUser))
		say("chown $"+base+"/run/private to snap_daemon:root", os.Lchown(name, daemonUser, 0))
		say("chown $"+base+"/run to snap_daemon", os.Lchown(dir, daemonUser, daemonUser))
		say("chown $"+base+" itself to snap_daemon", os.Lchown(os.Getenv(base), daemonUser, daemonUser))
		say("chmod $"+base+" itself 0711", os.Chmod(os.Getenv(base), 0o711))
		say("root writes the given $"+base+"/run/other", os.WriteFile(filepath.Join(dir, "other"), nil, 0o600))
		say("root reads the given $"+base+"/run/private", func() error { _, err := os.ReadFile(name); return err }())
		say("chmod the given $"+base+"/run 0711", os.Chmod(dir, 0o711))
		info, err := os.Stat(os.Getenv(base))
		if err == nil {
			st := info.Sys().(*syscall.Stat_t)
			say("$"+base, fmt.Sprintf("%v %d:%d", info.Mode(), st.Uid, st.Gid))
		}
	}
}

// become gives up root's rights in the order in which each step still may.
func become() {
	say("setgroups(foreign)", syscall.Setgroups([]int{daemonUser}))
	say("setgroups(0, NULL)", syscall.Setgroups(nil))
	say("setgid(1)", syscall.Setgid(1))
	say("setresuid(1, 1, 1)", syscall.Setresuid(1, 1, 1))
	say("setresgid(snap_daemon)", syscall.Setresgid(daemonUser, daemonUser, daemonUser))
	say("setresuid(snap_daemon)", syscall.Setresuid(daemonUser, daemonUser, daemonUser))
	say("setuid(0) afterwards", syscall.Setuid(0))
	// Otherwise /proc/self stays root's, and the rules of AppArmor for one's own files do not fit.
	say("prctl DUMPABLE 1", unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0))
}

// listen answers whoever connects with who he is.
func listen() {
	_ = os.Remove(socket())
	l, err := net.Listen("unix", socket())
	if err != nil {
		say("listen", err)
		return
	}
	say("chmod of the socket", os.Chmod(socket(), 0o666))
	say("listening", socket())
	for {
		c, err := l.Accept()
		if err != nil {
			say("accept", err)
			return
		}
		who := "unknown"
		if raw, err := c.(*net.UnixConn).SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) {
				cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
				who = fmt.Sprintf("%+v %v", cred, err)
			})
		}
		say("connected", who)
		fmt.Fprintf(c, "you are %s", who)
		c.Close()
	}
}

// pipe copies what is on standard input to standard output, as a confined command must be able to.
func pipe() {
	if os.Getenv("SNAP_NAME") == "" {
		return
	}
	data, err := io.ReadAll(os.Stdin)
	say("standard input", fmt.Sprintf("%q %v", data, err))
	_, err = os.ReadDir(os.Getenv("HOME"))
	say("list $HOME", err)
	_, err = os.ReadDir("/home/owner")
	say("list /home/owner", err)
	say("write in $HOME", os.WriteFile(filepath.Join(os.Getenv("HOME"), "kept"), nil, 0o600))
}
