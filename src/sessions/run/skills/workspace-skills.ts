import { createTimeoutSignal, raceAbort } from '../../../core/concurrency/cancel.ts';
import type { Clock } from '../../../core/contracts/clock.ts';
import { AppError } from '../../../core/errors/errors.ts';
import { isSafePath, toDisplayName } from '../../../core/text/file-names.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';
import { ignoreUnreadableFile, sanitizePromptFile } from '../prompt/memory.ts';
import { parseSkill } from './parse-skill.ts';

/** Untrusted, so it grants no permission. */
export interface WorkspaceSkill {
  readonly name: string;
  readonly description: string;
  readonly argumentHint?: string | undefined;
  readonly folder: string;
}
type Files = Pick<SandboxClient, 'readFile' | 'listFiles'>;
interface Reader {
  readonly client: Files;
  readonly clock: Clock;
  readonly folders?: readonly string[];
}

const places = ['.agents/skills', '.claude/skills'];
const maxSkills = 50;
const maxFolders = 10;
const maxFileBytes = 128 * 1024;
const waitMs = 3_000;
const maxReported = 10;

/** Searches until one search per run succeeds. `run`: any object that lives as long as the run. */
export class WorkspaceSkillFinder {
  readonly #found = new WeakMap<object, SkillScanResult>();
  readonly #reported = new WeakSet<object>();
  readonly #looking = new WeakMap<object, Promise<void>>();

  /** Empty until the skills can be read. Rejects only when the signal fires. */
  async of(run: object, reader: Reader | undefined, signal: AbortSignal): Promise<readonly WorkspaceSkill[]> {
    if (reader) await raceAbort(this.begin(run, reader), signal);
    return this.#found.get(run)?.skills ?? [];
  }

  /** Returns a message for the user about unreadable skills, once per run. */
  takeUnread(run: object): string | undefined {
    const unread = this.#found.get(run)?.unread ?? [];
    if (unread.length === 0 || this.#reported.has(run)) return undefined;
    this.#reported.add(run);
    const left = unread.length - maxReported;
    const listed = [...unread.slice(0, maxReported), ...(left > 0 ? [`and ${left} more`] : [])];
    return `Skills of the workspace cannot be read as they are. ${listed.join(' ')}`;
  }

  begin(run: object, reader: Reader): Promise<void> {
    const known = this.#found.has(run) ? Promise.resolve() : this.#looking.get(run);
    if (known) return known;
    const looking = this.#look(run, reader).finally(() => this.#looking.delete(run));
    this.#looking.set(run, looking);
    return looking;
  }

  async #look(run: object, { client, clock, folders = [] }: Reader): Promise<void> {
    using until = createTimeoutSignal(waitMs, clock);
    try {
      this.#found.set(run, await findWorkspaceSkills(client, folders, until.signal));
    } catch (thrown) {
      if (!(thrown instanceof AppError) && !until.signal.aborted) throw thrown;
    }
  }
}

export interface SkillScanResult {
  readonly skills: readonly WorkspaceSkill[];
  readonly unread: readonly string[];
}

/** `unread`: problems in SKILL.md files. Keeps the first skill of each name. */
export async function findWorkspaceSkills(
  client: Files,
  folders: readonly string[],
  signal: AbortSignal,
): Promise<SkillScanResult> {
  const unread: string[] = [];
  const found = new Map<string, WorkspaceSkill>();
  const roots = ['', ...folders.slice(0, maxFolders).map((one) => `${one}/`)];
  const paths = roots.flatMap((root) => places.map((place) => `${root}${place}`));
  const list = (path: string) => client.listFiles(path, signal).catch(ignoreUnreadableFile);
  const listings = await Promise.all(paths.map(async (path) => ({ path, entries: (await list(path)) ?? [] })));
  for (const { path, entries } of listings) {
    for (const { name, type } of entries.slice(0, maxSkills)) {
      if (type !== 'directory' || !isSafePath(name) || found.size >= maxSkills) continue;
      const folder = `${path}/${name}`;
      const text = await textIn(client, `${folder}/SKILL.md`, signal).catch(ignoreUnreadableFile);
      if (text === undefined) continue;
      const { skill, unread: wrong } = parseSkill(text, name);
      unread.push(...wrong.map((why) => toDisplayName(`${folder}/${why}`).slice(0, 300)));
      if (!skill || found.has(skill.name)) continue;
      const { argumentHint, description } = skill;
      found.set(skill.name, { name: skill.name, description: plain(description), argumentHint, folder });
    }
  }
  return { skills: [...found.values()], unread };
}

/** Rejects: path_outside, and the codes of `readFile`. */
export async function readWorkspaceSkill(
  client: Files,
  { folder }: WorkspaceSkill,
  file: string,
  signal: AbortSignal,
): Promise<string> {
  if (!isSafePath(file)) throw new AppError('path_outside', `${JSON.stringify(file)} is not a file of the skill.`);
  return (await textIn(client, `${folder}/${file}`, signal)) ?? '';
}

async function textIn(client: Files, path: string, signal: AbortSignal): Promise<string | undefined> {
  const bytes = await client.readFile(path, signal, { maxBytes: maxFileBytes + 1 });
  return sanitizePromptFile(bytes, maxFileBytes);
}

/** Keeps descriptions from closing the prompt element that encloses them. */
const plain = (text: string) => text.replace(/[<>]/g, ' ').slice(0, 1_024);
