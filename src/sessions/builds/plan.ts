import { createHash } from 'node:crypto';
import { AppError } from '../../core/errors/errors.ts';
import type { BuildStep } from '../../core/model/sandboxes/built-template.ts';
import type { BuildPlan } from '../api/server/template-builds.ts';
import { expandImageVariables } from './dockerfile-words.ts';

export type BuildUser = 'root' | 'user';
export interface BuildStepContext {
  readonly user: BuildUser;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}
export const imageHomeFolder = '/home/user';
const first: BuildStepContext = { user: 'user', folder: imageHomeFolder, env: {} };
const maxSteps = 200;
const variable = /^[A-Za-z_][A-Za-z0-9_]{0,199}$/;
/** A sandbox depends on these variables, so its image must not change them. */
const reserved = /^(CORRAL_.*|E2B_SANDBOX.*|LD_PRELOAD|LD_LIBRARY_PATH|NODE_OPTIONS|(HTTPS?|ALL|NO)_PROXY)$/i;

export interface BaseImageState {
  readonly env: Readonly<Record<string, string>>;
  /** Number of leading steps that the image already contains. */
  readonly done: number;
}

/** Throws: invalid_request, before anything starts. */
export function checkBuildPlan(steps: readonly BuildStep[], start?: BuildPlan['start']): void {
  if (JSON.stringify(start ?? {}).includes('\\u0000')) throw bad('The start command has a NUL character.');
  if (steps.length > maxSteps) throw bad(`A build can have at most ${maxSteps} steps, not ${steps.length}.`);
  steps.forEach((step, index) => {
    try {
      checkStep(step);
    } catch (thrown) {
      throw thrown instanceof AppError ? bad(`Step ${index + 1}: ${thrown.publicMessage}`) : thrown;
    }
  });
}

function checkStep(step: BuildStep): void {
  if ('user' in step && step.user !== undefined) parseBuildUser(step.user);
  if (JSON.stringify(step).includes('\\u0000')) throw bad('it has a NUL character.');
  for (const [name] of variablesOf(step)) {
    if (!variable.test(name)) throw bad(`'${name.slice(0, 100)}' is not a valid variable name.`);
    if (reserved.test(name)) throw bad(`the variable ${name} belongs to the sandbox. Remove it.`);
  }
  if (step.type !== 'COPY') return;
  if (step.from.startsWith('/') || step.from.split('/').includes('..')) {
    throw bad(`COPY: ${step.from} is outside of the folder of the build.`);
  }
  if (step.mode !== undefined && !/^[0-7]{3,4}$/.test(step.mode))
    throw bad(`COPY: ${step.mode} is not a mode such as 0644.`);
}

function variablesOf(step: BuildStep): readonly (readonly [name: string, value: string])[] {
  if (step.type === 'ENV') return step.pairs;
  return step.type === 'RUN' ? (step.vars ?? []) : [];
}

/** Throws: invalid_request. */
export function parseBuildUser(text: string): BuildUser {
  const [name = '', group = name] = text.split(':');
  const user = { root: 'root', '0': 'root', user: 'user', '10001': 'user' }[name];
  if (user === undefined || !['root', '0', 'user', '10001'].includes(group)) {
    throw bad(`There is no user ${text}. Images of sandboxes have root and user.`);
  }
  return user as BuildUser;
}

export function computeStepContexts(
  steps: readonly BuildStep[],
  { env: own, done }: BaseImageState,
): readonly BuildStepContext[] {
  const states = [first];
  let state = first;
  for (const [index, step] of steps.entries()) {
    if (step.type === 'USER') state = { ...state, user: parseBuildUser(step.user) };
    if (step.type === 'ENV') {
      const known = (name: string) => state.env[name] ?? own[name] ?? '';
      const pairs = step.pairs.map(([name, value]) => {
        // The image already contains a completed step's value, which a new expansion could change.
        if (index < done) return [name, known(name)];
        return [name, step.isOpen ? expandImageVariables(value, known) : value];
      });
      state = { ...state, env: { ...state.env, ...Object.fromEntries(pairs) } };
    }
    if (step.type === 'WORKDIR') state = { ...state, folder: resolveStepPath(state.folder, step.path) };
    states.push(state);
  }
  return states;
}

export const computeFinalWorkdir = (steps: readonly BuildStep[]): string =>
  computeStepContexts(steps, { env: {}, done: 0 }).at(-1)?.folder ?? imageHomeFolder;

/** Keeps a trailing slash, because it marks a folder. */
export function resolveStepPath(folder: string, path: string): string {
  const from = path.replace(/^~(?=\/|$)/, imageHomeFolder);
  const all = from.startsWith('/') ? from : `${folder}/${from}`;
  const parts: string[] = [];
  for (const part of all.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}${/\/\.?$/.test(from) && parts.length > 0 ? '/' : ''}`;
}

/** Each hash covers the holder, the base and all steps so far. */
export function computeStepHashes(base: string, holder: string, steps: readonly BuildStep[]): readonly string[] {
  const prints = [hashOf(['base', holder, base])];
  for (const step of steps) prints.push(hashOf([prints.at(-1), step]));
  return prints;
}
const hashOf = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex');

export function describeBuildStep(step: BuildStep): string {
  switch (step.type) {
    case 'RUN':
      return `RUN ${step.command}`;
    case 'COPY':
      return `COPY ${step.from} ${step.to}`;
    case 'ENV':
      return `ENV ${step.pairs.map(([name]) => name).join(' ')}`; // a value may be secret
    case 'WORKDIR':
      return `WORKDIR ${step.path}`;
    case 'USER':
      return `USER ${step.user}`;
  }
}

const bad = (message: string) => new AppError('invalid_request', message);
