import type { Weakness } from '../driver.ts';
import type { Bubblewrap } from './bubblewrap.ts';
import type { LimitName } from './cgroup/limits.ts';

export interface ProcessProtections {
  readonly bubblewrap: Bubblewrap;
  readonly grouped: readonly LimitName[];
  readonly ownUsers: boolean;
}

const groups = (asRoot: boolean) =>
  asRoot
    ? 'The server cannot create control groups here: make /sys/fs/cgroup writable'
    : 'No control group is delegated to the server: run it as root, or under `systemd-run --user --scope -p Delegate=yes`';

/** Without control groups, `pids` requires a user namespace or a user per sandbox. */
export function listEnforcedLimits({ bubblewrap, grouped, ownUsers }: ProcessProtections): LimitName[] {
  const counted = !bubblewrap.asRoot || ownUsers;
  return counted && !grouped.includes('pids') ? [...grouped, 'pids'] : [...grouped];
}

export function listIsolationWeaknesses(protections: ProcessProtections): Weakness[] {
  const { bubblewrap, grouped, ownUsers } = protections;
  const { asRoot } = bubblewrap;
  const found: Weakness[] = [];
  if (!grouped.includes('memoryBytes')) {
    found.push({
      name: 'memory-not-limited',
      text:
        `${groups(asRoot)}. Until then each process can use up to CORRAL_SANDBOX_MEMORY plus 1 GiB, so a ` +
        'sandbox with many processes can use up the memory of this machine.',
    });
  }
  if (!listEnforcedLimits(protections).includes('pids')) {
    found.push({
      name: 'processes-not-limited',
      text: `${groups(asRoot)}. Until then CORRAL_SANDBOX_PIDS is not enforced, so a sandbox can use up this machine's processes.`,
    });
  }
  if (!grouped.includes('cpus')) {
    found.push({
      name: 'processors-not-limited',
      text: `${groups(asRoot)}. Until then CORRAL_SANDBOX_CPUS is not enforced, so a busy sandbox slows down the others.`,
    });
  }
  if (bubblewrap.seccomp === undefined) {
    found.push({
      name: 'system-calls-not-filtered',
      text:
        'Bubblewrap or the kernel does not support a system call filter (seccomp) here, so sandboxes can make every system ' +
        'call, including those for key rings and virtual sockets. Update bubblewrap to 0.8 or later.',
    });
  }
  if (bubblewrap.seccomp === undefined && !bubblewrap.disablesNesting) {
    found.push({
      name: 'user-namespaces-nest',
      text:
        'Sandboxes can create user namespaces, in which a process gains rights that many kernel exploits need. Update ' +
        'bubblewrap to 0.8 or later.',
    });
  }
  if (!ownUsers) {
    found.push({
      name: 'one-user-for-all',
      text: asRoot
        ? 'CORRAL_PROCESS_USERS is none, so all sandboxes run as one user of this machine and share its quotas, such as those of inotify: one sandbox can use them up for all. Set it to a range of unused user ids.'
        : "The server does not run as root, so all sandboxes run as the server's user and share its quotas, such as those of inotify: one sandbox can use them up for all.",
    });
  }
  return found;
}

/** A server with this weakness refuses to listen beyond loopback. */
export const noIsolationWeakness: Weakness = {
  name: 'no-isolation',
  text:
    'WARNING: there is no bubblewrap here, so sandboxes have NO isolation: what the agent runs can read and change ' +
    'everything that this user can, and reach the network. Install bubblewrap or Docker for real use.',
};
