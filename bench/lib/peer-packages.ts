import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

// Peers that are packages live outside of the repository, because no user of Corral needs them. `bench/peers/install.sh`
// installs them; BENCH_PEERS names another folder.

export const peersFolder = process.env.BENCH_PEERS ?? join(homedir(), '.cache', 'corral-bench');
const modules = join(peersFolder, 'node', 'node_modules');

/** The file or folder of an installed package of npm. */
export const inPackage = (...path: string[]): string => join(modules, ...path);

/** Why a row cannot run that needs these files; undefined when they are there. */
export const missingPeer =
  (...files: string[]) =>
  async (): Promise<string | undefined> =>
    files.every((file) => existsSync(file)) ? undefined : 'its peer is not installed: bash bench/peers/install.sh';

/** A package that has no types here. */
export const loadPeer = <Module>(name: string): Module => createRequire(join(modules, 'x.js'))(name) as Module;

/** The Python of the environment with the peers. */
export const peerPython = join(peersFolder, 'py', 'bin', 'python');
/** A package of that environment. */
export const pythonPackage = (name: string): string => join(peersFolder, 'py', 'packages', name);
