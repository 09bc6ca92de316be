import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { pause } from '../../src/core/cancel.ts';
import type { SandboxId } from '../../src/core/ids.ts';
import type { Folders } from '../shared/folders.ts';
import { carrying, isAlive, kill, type Mark } from './proc.ts';

const Recorded = z.object({ pid: z.int().positive(), startTime: z.string(), boot: z.string() });
const pathOf = (folders: Folders, id: SandboxId) => join(folders.home(id), 'process.json');

/** Which process the sandbox is, in its folder: the truth for whatever server comes next. */
export async function readRecord(folders: Folders, id: SandboxId): Promise<Mark | undefined> {
  const text = await readFile(pathOf(folders, id), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return Recorded.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export async function writeRecord(folders: Folders, id: SandboxId, mark: Mark): Promise<void> {
  const draft = `${pathOf(folders, id)}.new`;
  await writeFile(draft, JSON.stringify(mark), { mode: 0o600 });
  await rename(draft, pathOf(folders, id));
}

export const removeRecord = (folders: Folders, id: SandboxId) => rm(pathOf(folders, id), { force: true });

/**
 * Ends all that belongs to the sandbox, and resolves when it is gone: what its record names, and what carries its
 * id, such as a start that was cut before it was recorded or a process that left its group.
 */
export async function endProcesses(folders: Folders, id: SandboxId, signal: AbortSignal): Promise<void> {
  const recorded = await readRecord(folders, id);
  for (;;) {
    if (recorded && (await isAlive(recorded))) {
      await kill(recorded, 'group'); // where it leads one: without namespaces
      await kill(recorded, 'process'); // which ends a whole namespace
    } else {
      // Only now: this looks at every process of the machine.
      const rest = await carrying('CORRAL_SANDBOX_ID', id);
      if (rest.length === 0) return;
      for (const mark of rest) await kill(mark, 'process');
    }
    await pause(10, signal);
  }
}
