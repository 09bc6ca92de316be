import { computed, signal } from '@preact/signals';
import type { Outputs } from '../../client/types.ts';
import { mutate, query } from '../data/server.ts';
import { type Session, sessions } from '../data/sessions.ts';
import { type DisplayStatus, toDisplayStatus } from '../data/status.ts';

export type StatusFilter = 'all' | 'running' | 'waiting' | 'finished' | 'failed' | 'stopped';
const states: Readonly<Record<Exclude<StatusFilter, 'all'>, readonly DisplayStatus[]>> = {
  running: ['running'],
  waiting: ['waiting'],
  finished: ['finished', 'new'],
  failed: ['failed'],
  stopped: ['stopped', 'expired'],
};
export const statusFilters = ['all', ...Object.keys(states)] as readonly StatusFilter[];
export const statusFilter = signal<StatusFilter>('all');

/** Id of the project for listed and new sessions. If empty, all sessions are listed. */
export const projectFilter = signal('');
type Project = Outputs['projects']['list']['projects'][number];
export const projects = signal<readonly Project[]>([]);

export async function loadProjects(): Promise<void> {
  projects.value = (await query('projects.list', { limit: 500 })).projects;
}

export async function createProject(name: string): Promise<void> {
  const { id } = await mutate('projects.create', { name });
  await loadProjects();
  projectFilter.value = id;
}

export const hasSessionFilter = computed(() => statusFilter.value !== 'all' || projectFilter.value !== '');

export const filteredSessions = computed<readonly Session[]>(() => {
  const [state, project] = [statusFilter.value, projectFilter.value];
  if (!hasSessionFilter.value) return sessions.value;
  const isInState = (one: Session) => state === 'all' || states[state].includes(toDisplayStatus(one));
  return sessions.value.filter((one) => isInState(one) && (project === '' || one.projectId === project));
});
