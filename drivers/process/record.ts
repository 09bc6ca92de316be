import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { sleep } from '../../src/core/concurrency/cancel.ts';
import type { SandboxId } from '../../src/core/model/ids.ts';
import type { SandboxFolders } from '../shared/folders.ts';
import { findProcessesByVariable, isProcessAlive, killProcess, type ProcessIdentity } from './proc.ts';

const Recorded = z.object({ pid: z.int().positive(), startTime: z.string(), boot: z.string() });
const pathOf = (folders: SandboxFolders, id: SandboxId) => join(folders.home(id), 'process.json');

export async function readProcessRecord(folders: SandboxFolders, id: SandboxId): Promise<ProcessIdentity | undefined> {
  const text = await readFile(pathOf(folders, id), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return Recorded.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export async function writeProcessRecord(folders: SandboxFolders, id: SandboxId, mark: ProcessIdentity): Promise<void> {
  const draft = `${pathOf(folders, id)}.new`;
  await writeFile(draft, JSON.stringify(mark), { mode: 0o600 });
  await rename(draft, pathOf(folders, id));
}

export const removeProcessRecord = (folders: SandboxFolders, id: SandboxId) => rm(pathOf(folders, id), { force: true });

export async function endRecordedProcess(folders: SandboxFolders, id: SandboxId, signal: AbortSignal): Promise<void> {
  const recorded = await readProcessRecord(folders, id);
  while (recorded && (await isProcessAlive(recorded))) {
    await killProcess(recorded, 'group'); // without namespaces, the process leads its group
    await killProcess(recorded, 'process'); // with namespaces, this ends all of their processes
    await sleep(10, signal);
  }
}

/**
 * Ends every process with the sandbox's id, including those that left their group, and those of a start that was interrupted
 * before it was recorded. Resolves once all are gone. Scans every process of the machine.
 */
export async function endSandboxProcesses(id: SandboxId, signal: AbortSignal): Promise<void> {
  for (;;) {
    const rest = await findProcessesByVariable('CORRAL_SANDBOX_ID', id);
    if (rest.length === 0) return;
    for (const mark of rest) await killProcess(mark, 'process');
    await sleep(10, signal);
  }
}
