import { signal } from '@preact/signals';
import type { Outputs } from '../../client/types.ts';
import { query } from '../data/server.ts';

type Skill = Outputs['skills']['list'][number];
export type SkillDetail = Outputs['skills']['get'];
type SessionSkill = Outputs['sessions']['skills'][number];
interface UploadFile {
  readonly path: string;
  readonly content: string;
}

/** Undefined: not read yet. */
export const skills = signal<readonly Skill[] | undefined>(undefined);
export async function readSkills(): Promise<void> {
  skills.value = await query('skills.list', undefined);
}

/** The skills that the agent of a session can read, for completion. */
export const sessionSkills = signal<{ readonly id: string; readonly all: readonly SessionSkill[] } | undefined>(
  undefined,
);
export async function readSessionSkills(id: string): Promise<void> {
  if (sessionSkills.peek()?.id !== id) sessionSkills.value = { id, all: [] };
  const all = await query('sessions.skills', { id }).catch(() => []);
  if (sessionSkills.peek()?.id === id) sessionSkills.value = { id, all };
}

const maxBytes = 7 * 1024 * 1024;
/** The chosen folder; its paths begin with its own name. Undefined: it is too large. */
export async function filesOf(chosen: FileList): Promise<UploadFile[] | undefined> {
  const all = [...chosen].filter((file) => !/(^|\/)(\.git|node_modules|__pycache__)\//.test(file.webkitRelativePath));
  if (all.reduce((sum, { size }) => sum + size, 0) > maxBytes) return undefined;
  return await Promise.all(
    all.map(async (file) => ({
      path: file.webkitRelativePath || file.name,
      content: base64(new Uint8Array(await file.arrayBuffer())),
    })),
  );
}

function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
