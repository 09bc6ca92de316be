import { signal } from '@preact/signals';
import type { Outputs } from '../../client/types.ts';
import { mutateWithRetry, query } from '../data/server.ts';

type Skill = Outputs['skills']['list'][number];
export type SkillDetail = Outputs['skills']['get'];
type SessionSkill = Outputs['sessions']['skills'][number];
export const skills = signal<readonly Skill[] | undefined>(undefined);
export async function loadSkills(): Promise<void> {
  skills.value = await query('skills.list', undefined);
}

export const sessionSkills = signal<{ readonly id: string; readonly all: readonly SessionSkill[] } | undefined>(
  undefined,
);
export async function loadSessionSkills(id: string): Promise<void> {
  if (sessionSkills.peek()?.id !== id) sessionSkills.value = { id, all: [] };
  const all = await query('sessions.skills', { id }).catch(() => []);
  if (sessionSkills.peek()?.id === id) sessionSkills.value = { id, all };
}

export const chosenSkills = signal<readonly string[]>([]);

/** If `id` is undefined, returns the skills chosen for the next new session. */
export async function readChosenSkills(id: string | undefined): Promise<readonly string[]> {
  return id === undefined ? chosenSkills.value : (await query('sessions.agent', { id })).skills;
}
export async function saveChosenSkills(id: string | undefined, names: readonly string[]): Promise<void> {
  if (id === undefined) chosenSkills.value = names;
  else await mutateWithRetry('sessions.update', { id, skills: [...names] });
}
export async function addChosenSkill(id: string | undefined, name: string): Promise<void> {
  const chosen = await readChosenSkills(id);
  if (!chosen.some((pin) => pin.split('@')[0] === name)) await saveChosenSkills(id, [...chosen, name]);
}

/** Whether a file, chosen without its folder, is neither a ZIP archive nor a SKILL.md. */
export async function isUnusableFile([file]: readonly File[]): Promise<boolean> {
  if (!file || file.webkitRelativePath !== '' || /^skill\.md$/i.test(file.name)) return false;
  return (await file.slice(0, 2).text()) !== 'PK';
}

const maxBytes = 7 * 1024 * 1024;
/** Paths start with the folder's own name. Undefined if the folder is too large. */
export async function readChosenFolder(
  chosen: readonly File[],
): Promise<{ path: string; content: string }[] | undefined> {
  const all = chosen.filter((file) => !/(^|\/)(\.git|node_modules|__pycache__)\//.test(file.webkitRelativePath));
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
