import { computed, signal } from '@preact/signals';
import type { Outputs } from '../../client/types.ts';
import { mutate, query } from '../data/server.ts';
import { type Session, sessions } from '../data/sessions.ts';
import { type Status, toStatus } from '../data/status.ts';

// The filters of the list: by state and by project.

export type ShownState = 'all' | 'running' | 'waiting' | 'finished' | 'failed' | 'stopped';
const states: Readonly<Record<Exclude<ShownState, 'all'>, readonly Status[]>> = {
  running: ['running'],
  waiting: ['waiting'],
  finished: ['finished', 'new'],
  failed: ['failed'],
  stopped: ['stopped', 'expired'],
};
export const shownStates = ['all', ...Object.keys(states)] as readonly ShownState[];
export const shownState = signal<ShownState>('all');

/** Empty: all sessions. Otherwise new sessions are also created in this project. */
export const shownProject = signal('');
type Project = Outputs['projects']['list']['projects'][number];
export const projects = signal<readonly Project[]>([]);

export async function readProjects(): Promise<void> {
  projects.value = (await query('projects.list', { limit: 500 })).projects;
}

/** Creates a project, and shows it. */
export async function createProject(name: string): Promise<void> {
  const { id } = await mutate('projects.create', { name });
  await readProjects();
  shownProject.value = id;
}

const isInState = (session: Session, state: ShownState): boolean =>
  state === 'all' || states[state].includes(toStatus(session));
const isInProject = (session: Session, project: string): boolean => project === '' || session.projectId === project;

export const isFiltered = computed(() => shownState.value !== 'all' || shownProject.value !== '');

/** The sessions that match both filters. */
export const filteredSessions = computed<readonly Session[]>(() =>
  isFiltered.value
    ? sessions.value.filter((one) => isInState(one, shownState.value) && isInProject(one, shownProject.value))
    : sessions.value,
);
