import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse as parseToml } from 'smol-toml';
import { z } from 'zod';

const seconds = (usual: number) => z.object({ timeout_sec: z.number().positive().default(usual) }).prefault({});
const Settings = z.object({
  metadata: z.object({ category: z.string().default('') }).prefault({}),
  verifier: seconds(120),
  agent: seconds(600),
});

export interface Task {
  readonly name: string;
  readonly folder: string;
  readonly instruction: string;
  readonly category: string;
  readonly agentSeconds: number;
  readonly verifierSeconds: number;
}

const own = join(import.meta.dirname, '../tasks');

/** Undefined: all tasks. A name is a task in eval/tasks, or the path of a task's folder. */
export async function readTasks(names: readonly string[] | undefined): Promise<readonly Task[]> {
  const known = (await readdir(own)).toSorted();
  const requested = names ?? known;
  return await Promise.all(requested.map((name) => taskIn(known.includes(name) ? join(own, name) : name, known)));
}

async function taskIn(folder: string, known: readonly string[]): Promise<Task> {
  if (!existsSync(join(folder, 'task.toml'))) {
    throw new Error(`There is no task ${folder}. Name a folder with a task.toml, or one of ${known.join(', ')}.`);
  }
  const read = (name: string) => readFile(join(folder, name), 'utf8');
  const settings = Settings.safeParse(parseToml(await read('task.toml')));
  if (!settings.success) throw new Error(`${join(folder, 'task.toml')}: ${z.prettifyError(settings.error)}`);
  const { metadata, verifier, agent } = settings.data;
  return {
    name: folder.replace(/\/+$/, '').split('/').at(-1) ?? folder,
    folder,
    instruction: (await read('instruction.md')).trim(),
    category: metadata.category,
    agentSeconds: agent.timeout_sec,
    verifierSeconds: verifier.timeout_sec,
  };
}
