import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionEvent } from '../../../src/core/model/events.ts';
import type { ServerProcess } from '../servers/server-process.ts';

interface DossierInput {
  readonly problems: readonly string[];
  readonly server: Pick<ServerProcess, 'linesWith'>;
  readonly sessions: readonly string[];
  readonly events: (id: string) => Promise<readonly SessionEvent[]>;
  /** The lines of the storm, with the time of each fault. */
  readonly said: readonly string[];
}

/** Keeps what a person needs to find the cause of a violation, which is seldom met twice. Returns the folder. */
export async function keepDossier(
  name: string,
  { problems, server, sessions, events, said }: DossierInput,
): Promise<string> {
  const folder = join('.reports', 'chaos', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'problems.txt'), problems.join('\n\n'));
  await writeFile(join(folder, 'storm.txt'), said.join('\n'));
  await writeFile(join(folder, 'server.log'), server.linesWith('').join('\n'));
  for (const id of sessions) {
    const lines = (await events(id)).map((event) => JSON.stringify(event));
    await writeFile(join(folder, `${id}.jsonl`), lines.join('\n'));
  }
  return folder;
}
