import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

// Peers that are packages live outside of the repository, because no user of Corral needs them. `bench/peers/install.sh`
// installs them; BENCH_PEERS names another folder.

const python = join(process.env.BENCH_PEERS ?? join(homedir(), '.cache', 'corral-bench'), 'py');

/** Why a row cannot run that needs this file; undefined when it is there. */
export const missingPeer = (file: string) => async (): Promise<string | undefined> =>
  existsSync(file) ? undefined : 'its peer is not installed: bash bench/peers/install.sh';

/** The Python of the environment with the peers. */
export const peerPython = join(python, 'bin', 'python');
/** A package of that environment. */
export const pythonPackage = (name: string): string => join(python, 'packages', name);
