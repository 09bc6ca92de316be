import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../../core/errors/errors.ts';
import type { PlanStep } from '../../../core/model/events.ts';

/** Equal contexts produce equal system prompts, byte for byte. */
export interface PromptContext {
  readonly workdir: string;
  readonly installed: string;
  readonly network: string;
  readonly instructions?: string | undefined;
  readonly hasTool: (name: string) => boolean;
  readonly hasSandbox: boolean;
  readonly hasToolServers: boolean;
  readonly plans: boolean;
  /** Tools whose calls need a user's approval; `*` means all tools. */
  readonly approvals: readonly string[];
  readonly skills?: string | undefined;
  readonly notes?: string | undefined;
  readonly memory?: string | undefined;
}
type PartValues = Readonly<Record<string, string>>;

/** In prompt order. Each function returns its placeholders' values, or undefined to omit the part. */
const systemParts = {
  project: ({ instructions }) => (instructions === undefined ? undefined : { instructions }),
  role: ({ hasSandbox }) => (hasSandbox ? {} : undefined),
  environment: ({ hasSandbox, workdir, installed, network }) =>
    hasSandbox ? { workdir, installed, network } : undefined,
  shell: ({ hasTool }) => (hasTool('shell_exec') ? {} : undefined),
  files: ({ hasTool }) => (hasTool('file_read') ? {} : undefined),
  write: ({ hasTool }) => (hasTool('file_write') ? {} : undefined),
  edit: ({ hasTool }) => (hasTool('file_edit') || hasTool('file_replace') ? {} : undefined),
  browser: ({ hasTool }) => (hasTool('browser_view') ? {} : undefined),
  computer: ({ hasTool }) => (hasTool('computer') || hasTool('click_at') ? {} : undefined),
  'web-search': ({ hasTool }) => (hasTool('web_search') ? {} : undefined),
  'tool-servers': ({ hasToolServers }) => (hasToolServers ? {} : undefined),
  rules: () => ({}),
  questions: ({ hasTool }) => (hasTool('message_ask_user') ? {} : undefined),
  approvals: approvalsOf,
  plan: ({ plans }) => (plans ? {} : undefined),
  todo: ({ plans, hasTool }) => (!plans && hasTool('todo') ? {} : undefined),
  notes: ({ notes, hasTool }) => (notes === undefined || !hasTool('memory_read') ? undefined : { notes }),
  // Last, because these parts can appear during a run. Everything before them stays cached.
  skills: ({ skills, hasTool }) => (skills === undefined || !hasTool('skill_read') ? undefined : { skills }),
  memory: ({ memory }) => (memory === undefined ? undefined : { memory }),
} satisfies Record<string, (facts: PromptContext) => PartValues | undefined>;

function approvalsOf({ approvals, hasTool, hasToolServers }: PromptContext): PartValues | undefined {
  if (approvals.includes('*')) return { approvals: 'all' };
  const there = approvals.filter((name) => (name.startsWith('mcp_') ? hasToolServers : hasTool(name)));
  return there.length === 0 ? undefined : { approvals: there.map((name) => `\`${name}\``).join(', ') };
}

/** Sent at the end of a request, except `grader`, which is the grader's system prompt. */
export const promptNoteNames = ['replan', 'step', 'todo-list', 'answer', 'grader'] as const;
export type PromptNoteName = (typeof promptNoteNames)[number];
type SystemPart = keyof typeof systemParts;
export type PromptPartName = SystemPart | PromptNoteName;
const systemPartNames = Object.keys(systemParts) as SystemPart[];
export const promptPartNames: readonly PromptPartName[] = [...systemPartNames, ...promptNoteNames];

interface Placeholders {
  readonly must: readonly string[];
  readonly may?: readonly string[];
}
/** A part without its `must` placeholders would lack text that the server inserts. */
const placeholders: Partial<Record<PromptPartName, Placeholders>> = {
  project: { must: ['instructions'] },
  environment: { must: ['workdir'], may: ['installed', 'network'] },
  approvals: { must: [], may: ['approvals'] },
  skills: { must: ['skills'] },
  memory: { must: ['memory'] },
  notes: { must: ['notes'] },
  replan: { must: ['plan'] },
  'todo-list': { must: ['plan'] },
  step: { must: ['step'], may: ['plan', 'number'] },
};
/** Models, including the demo model, read the workspace folder from this line. */
const workdirLine = /^Working directory: \{\{workdir\}\}$/m;

/** Throws: invalid_request (unknown or missing placeholder, no working-directory line). `where`: source of `text`. */
export function checkPromptPart(name: PromptPartName, text: string, where: string): void {
  const { must, may = [] } = placeholders[name] ?? { must: [] };
  const found = [...text.matchAll(/\{\{([^{}]*)\}\}/g)].map(([, key = '']) => key);
  const known = [...must, ...may];
  const stranger = found.find((key) => !known.includes(key));
  const list = known.map((key) => `{{${key}}}`).join(', ') || 'none';
  const missing = must.find((key) => !found.includes(key));
  const problem =
    stranger !== undefined
      ? `has the unknown placeholder {{${stranger}}}; placeholders of the part ${name}: ${list}`
      : missing !== undefined
        ? `lacks the placeholder {{${missing}}}`
        : name === 'environment' && !workdirLine.test(text)
          ? 'lacks the line "Working directory: {{workdir}}"'
          : undefined;
  if (problem) throw new AppError('invalid_request', `${where} ${problem}.`);
}

export type PromptParts = Readonly<Record<PromptPartName, string>>;

const promptPartValuesOf = (name: SystemPart, facts: PromptContext): PartValues | undefined => systemParts[name](facts);

const fillPromptPart = (text: string, values: PartValues): string =>
  text.replace(/\{\{([^{}]*)\}\}/g, (whole, key: string) => values[key] ?? whole);

/** Compiled code reads the parts from the source tree. */
function ownFolder(): string {
  const places = ['./parts/', '../../../../../src/sessions/run/prompt/parts/'];
  const folders = places.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  const found = folders.find((folder) => existsSync(folder));
  if (found === undefined)
    throw new AppError('internal', `The prompt's parts are missing: no ${folders.join(', no ')}.`);
  return found;
}

let own: PromptParts | undefined;
export function readBuiltInPromptParts(): PromptParts {
  const folder = own ? '' : ownFolder();
  const read = (name: PromptPartName) => [name, readFileSync(`${folder}${name}.md`, 'utf8').trim()] as const;
  own ??= Object.fromEntries(promptPartNames.map(read)) as unknown as PromptParts;
  return own;
}

export interface TurnPrompt {
  /** Constant during a run while its tools and workspace notes are unchanged. */
  readonly system: string;
  readonly sections: readonly { readonly part: string; readonly text: string }[];
  readonly answer: string;
  /** The grader's request contains no other part of this prompt. */
  readonly grader: string;
  readonly todoList: (steps: readonly PlanStep[]) => string;
  readonly replan: (steps: readonly PlanStep[]) => string;
  readonly step: (steps: readonly PlanStep[], step: PlanStep) => string;
}

export function composePrompt(parts: PromptParts, facts: PromptContext): TurnPrompt {
  const sections = systemPartNames.flatMap((name) => {
    const values = promptPartValuesOf(name, facts);
    const text = values && fillPromptPart(parts[name], values).trim();
    return text ? [{ part: name, text }] : [];
  });
  return {
    sections,
    system: sections.map(({ text }) => text).join('\n\n'),
    answer: parts.answer,
    grader: parts.grader,
    todoList: (steps) => fillPromptPart(parts['todo-list'], { plan: shown(steps) }),
    replan: (steps) => fillPromptPart(parts.replan, { plan: shown(steps) }),
    step: (steps, step) => fillPromptPart(parts.step, { plan: shown(steps), number: step.id, step: step.description }),
  };
}

const shown = (steps: readonly PlanStep[]): string =>
  steps.map(({ id, description, status }) => `${id}. [${status}] ${description}`).join('\n');
