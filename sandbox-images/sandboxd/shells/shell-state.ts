import { closeSync, constants, fstatSync, openSync, readSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { decodeFileName } from '../../../src/core/text/files/byte-names.ts';
import type { OperationSpec } from '../../../src/sandboxes/client/client.ts';
import { isFolder } from '../files/byte-names.ts';
import type { ConfinedPaths } from '../files/confined-paths.ts';
import { createBadRequestError } from '../server/body-fields.ts';
import { isInternalVariable } from './environment.ts';

export interface ShellState {
  readonly cwd: string;
  /** Undefined means the daemon's base environment. */
  readonly env?: Readonly<Record<string, string>>;
}

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const stateEnd = 'corral-end';
/** More than the kernel allows for an environment. */
const maxBytes = 8 * 1024 * 1024;

// Writes the shell's folder and environment to `$CORRAL_STATE` on exit.
export const shellSetupScript = `unset BASH_ENV
trap '{ set +x; } 2>/dev/null; { printf "%s\\0" "$PWD"; command -p env -0; printf "${stateEnd}\\0"; } 2>/dev/null >|"$CORRAL_STATE"' EXIT
`;

export const shellStatePath = (stateDir: string, id: string) => join(stateDir, `${id}.state`);
const keptFile = (stateDir: string, shell: string) => join(stateDir, `shell.${shell}.state`);

/** Synchronous, because asynchronous file calls would delay the end of every command. */
export function captureShellState(stateDir: string, id: string, shell: string): ShellState | undefined {
  const path = shellStatePath(stateDir, id);
  const standing = readShellState(path);
  if (!standing)
    void rm(path, { force: true, recursive: true }).catch(() => {}); // the command may have put a large folder here
  else {
    try {
      renameSync(path, keptFile(stateDir, shell));
    } catch {} // the command replaced the file
  }
  return standing;
}

export const readLastShellState = (stateDir: string, shell: string) => readShellState(keptFile(stateDir, shell));

function readShellState(path: string): ShellState | undefined {
  const bytes = readBytes(path);
  const cwd = decodeFileName(bytes.subarray(0, Math.max(0, bytes.indexOf(0))));
  const [, ...rest] = bytes.toString().split('\0');
  // A file without the end mark is truncated, so ignore it.
  if (!cwd || rest.at(-2) !== stateEnd) return undefined;
  const env: Record<string, string> = {};
  for (const line of rest.slice(0, -2)) {
    const equals = line.indexOf('=');
    if (equals > 0 && !isInternalVariable(line.slice(0, equals))) env[line.slice(0, equals)] = line.slice(equals + 1);
  }
  return { cwd, env };
}

/** The command may have replaced the file, for example with a FIFO. */
function readBytes(path: string): Buffer {
  let file: number | undefined;
  try {
    file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stats = fstatSync(file);
    if (!stats.isFile() || stats.size > maxBytes) return Buffer.alloc(0);
    const bytes = Buffer.allocUnsafe(stats.size);
    return bytes.subarray(0, readSync(file, bytes, 0, stats.size, 0));
  } catch {
    return Buffer.alloc(0);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

export async function resolveStartFolder(
  place: ConfinedPaths,
  { cwd }: Pick<OperationSpec, 'cwd'>,
  standing: ShellState,
): Promise<string> {
  if (cwd !== undefined) {
    const target = resolve(place.root, place.locate(cwd));
    if (await isFolder(target)) return target;
    throw createBadRequestError(`There is no folder ${cwd}.`);
  }
  return (await isFolder(standing.cwd)) ? standing.cwd : place.root;
}
