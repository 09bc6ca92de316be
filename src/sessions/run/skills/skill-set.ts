import type { SkillReader } from '../../../agents/tools/tool.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';
import { readWorkspaceSkill, type WorkspaceSkill } from './workspace-skills.ts';

export interface OfferedSkill {
  readonly name: string;
  readonly description: string;
  readonly argumentHint?: string | undefined;
  readonly version: string;
  /** Relative to the workspace, or to the worker's folder in a self-hosted environment. */
  readonly folder: string;
  /** Rejects: not_found (the version was deleted), file_not_found, invalid_request (not text, or too long). */
  read(file: string): Promise<string>;
}

interface Deps {
  readonly uploaded: readonly OfferedSkill[];
  readonly inWorkspace: readonly WorkspaceSkill[];
  readonly use: (signal: AbortSignal) => Promise<AsyncDisposable & { readonly client: SandboxClient }>;
}

export function formatSkillList({ uploaded, inWorkspace }: Pick<Deps, 'uploaded' | 'inWorkspace'>): string | undefined {
  const own = uploaded.map(({ name, description }) => `- ${name}: ${oneLine(description)}`);
  const found = inWorkspace.map(
    ({ name, description, folder }) => `- ${name} (from the workspace, ${folder}): ${oneLine(description)}`,
  );
  const all = [...own, ...found];
  return all.length === 0 ? undefined : all.join('\n');
}
const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim();

/** An uploaded skill overrides a workspace skill of the same name. */
export function createSkillReader({ uploaded, inWorkspace, use }: Deps): SkillReader {
  return async (name, file, signal) => {
    const own = uploaded.find((one) => one.name === name);
    if (own) {
      const text = await own.read(file);
      return { name, text, file, source: 'uploaded', version: own.version, folder: own.folder };
    }
    const found = inWorkspace.find((one) => one.name === name);
    if (!found) {
      const names = [...uploaded, ...inWorkspace].map((one) => one.name).join(', ');
      throw new AppError('not_found', `There is no skill ${JSON.stringify(name)}. Skills: ${names}.`);
    }
    await using used = await use(signal);
    const text = await readWorkspaceSkill(used.client, found, file, signal);
    return { name, text, file, source: 'workspace', version: null, folder: found.folder };
  };
}
