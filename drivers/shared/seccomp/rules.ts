import { constants } from 'node:os';

export const permittedSystemCalls = names(`
  access faccessat faccessat2 open openat openat2 creat close close_range read readv pread64 preadv preadv2 write writev
  pwrite64 pwritev pwritev2 lseek stat fstat lstat newfstatat statx statfs fstatfs ustat truncate ftruncate fallocate
  fadvise64 readahead sync syncfs fsync fdatasync sync_file_range copy_file_range sendfile splice tee vmsplice flock
  fcntl ioctl dup dup2 dup3 mkdir mkdirat mknod mknodat rmdir link linkat symlink symlinkat readlink readlinkat unlink
  unlinkat rename renameat renameat2 chdir fchdir getcwd getdents getdents64 chmod fchmod fchmodat fchmodat2 chown
  fchown fchownat lchown umask utime utimes utimensat futimesat getxattr getxattrat lgetxattr fgetxattr setxattr
  setxattrat lsetxattr fsetxattr listxattr listxattrat llistxattr flistxattr removexattr removexattrat lremovexattr
  fremovexattr name_to_handle_at inotify_init inotify_init1 inotify_add_watch inotify_rm_watch cachestat statmount
  listmount

  pipe pipe2 poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2
  epoll_wait epoll_wait_old eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_gettime timerfd_settime
  io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents

  socketpair bind listen accept accept4 connect shutdown getsockname getpeername getsockopt setsockopt recvfrom recvmsg
  recvmmsg sendto sendmsg sendmmsg

  brk mmap munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall munlock munlockall mseal memfd_create
  memfd_secret membarrier pkey_alloc pkey_free pkey_mprotect remap_file_pages map_shadow_stack shmat shmctl shmdt shmget
  semctl semget semop semtimedop msgctl msgget msgrcv msgsnd mq_getsetattr mq_notify mq_open mq_timedreceive
  mq_timedsend mq_unlink

  fork vfork execve execveat exit exit_group wait4 waitid kill tkill tgkill pidfd_open pidfd_send_signal
  process_mrelease pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
  rt_sigtimedwait rt_tgsigqueueinfo sigaltstack restart_syscall futex futex_wait futex_waitv futex_wake futex_requeue
  get_robust_list set_robust_list set_tid_address rseq get_thread_area set_thread_area arch_prctl modify_ldt uretprobe
  getpid getppid gettid getpgid getpgrp setpgid getsid setsid getcpu getpriority setpriority ioprio_get ioprio_set
  sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam sched_getscheduler
  sched_setscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_yield
  ptrace process_vm_readv process_vm_writev

  getuid geteuid getgid getegid getresuid getresgid getgroups setuid setgid setreuid setregid setresuid setresgid
  setfsuid setfsgid setgroups capget capset prctl seccomp landlock_create_ruleset landlock_add_rule
  landlock_restrict_self

  time gettimeofday times clock_gettime clock_getres clock_nanosleep clock_adjtime adjtimex nanosleep alarm getitimer
  setitimer timer_create timer_delete timer_getoverrun timer_gettime timer_settime getrandom getrlimit setrlimit
  prlimit64 getrusage sysinfo uname
`);

export const deniedSystemCalls: Readonly<Record<string, readonly string[]>> = {
  // The kernel keeps keys per user, so sandboxes of the same user would share them.
  keyrings: names('add_key request_key keyctl'),
  // Most kernel exploits require the capabilities that a new user namespace grants.
  'name spaces': names('unshare setns'),
  mounts: names(`mount umount2 pivot_root chroot fsopen fsconfig fsmount fspick move_mount open_tree open_tree_attr
    mount_setattr open_by_handle_at fanotify_init fanotify_mark`),
  "the kernel's own machinery": names(`bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register
    lookup_dcookie lsm_get_self_attr lsm_set_self_attr lsm_list_modules`),
  'other processes': names('kcmp pidfd_getfd process_madvise migrate_pages move_pages'),
  'where memory lies': names('mbind get_mempolicy set_mempolicy set_mempolicy_home_node'),
  'the machine': names(`reboot kexec_load kexec_file_load init_module finit_module delete_module create_module
    get_kernel_syms query_module swapon swapoff acct quotactl quotactl_fd syslog vhangup iopl ioperm sethostname
    setdomainname settimeofday clock_settime`),
  'what is out of use': names(`uselib sysfs _sysctl nfsservctl getpmsg putpmsg afs_syscall tuxcall security vserver`),
};
export const unimplementedSystemCalls = names('clone3'); // clone3 passes its flags in memory, where no filter can read them

export type ArgumentComparison =
  | { readonly kind: 'equal'; readonly argument: number; readonly value: number }
  | { readonly kind: 'without'; readonly argument: number; readonly mask: number };

const equal = (argument: number, ...values: number[]): ArgumentComparison[] =>
  values.map((value) => ({ kind: 'equal', argument, value }));

/** Calls that are allowed if any of their comparisons is true. */
export const conditionalSystemCalls: Readonly<Record<string, readonly ArgumentComparison[]>> = {
  // AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. Not AF_VSOCK, which can reach a virtual machine's host.
  socket: equal(0, 1, 2, 10, 16),
  // Allowed only without CLONE_NEW… flags, which create mount, cgroup, uts, ipc, user, pid and net namespaces.
  clone: [{ kind: 'without', argument: 0, mask: 0x7e02_0000 }],
  // PER_LINUX or PER_LINUX32, each with or without UNAME26, and the query for the current value.
  personality: equal(0, 0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff),
};

export const deniedCallErrno = constants.errno.EPERM;
export const unknownCallErrno = constants.errno.ENOSYS;

function names(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
