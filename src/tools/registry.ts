import { type AppError, toAppError } from '../core/errors.ts';
import type { ToolFamily } from '../core/events.ts';
import { browserTools } from './browser.ts';
import { computer } from './computer/claude.ts';
import { geminiComputer } from './computer/gemini.ts';
import { fileFindByName, fileFindInContent, fileRead, fileReplace, fileWrite } from './file.ts';
import { notifyUser } from './message.ts';
import { shellExec, shellKill, shellView, shellWait, shellWrite } from './shell.ts';
import { askUser } from './special.ts';
import type { Tool, ToolContext, ToolResult } from './tool.ts';

const all: readonly Tool[] = [
  shellExec,
  shellView,
  shellWait,
  shellWrite,
  shellKill,
  fileRead,
  fileWrite,
  fileReplace,
  fileFindInContent,
  fileFindByName,
  notifyUser,
  ...browserTools,
];

/** The provider whose tools for keyboard and mouse the model gets. */
export type ComputerShape = 'off' | 'claude' | 'gemini';
const computers: Readonly<Record<ComputerShape, readonly Tool[]>> = {
  off: [],
  claude: [computer],
  gemini: geminiComputer,
};

export type ToolDeclaration = Pick<Tool, 'name' | 'description' | 'parameters'>;
export interface ToolRegistry {
  /** The tools for the model while it works, including `message_ask_user`, which the loop answers itself. */
  readonly declarations: readonly ToolDeclaration[];
  find(name: string): Tool | undefined;
}

/** All tools, or the named ones; with tools for keyboard and mouse if requested. */
export function toolRegistry(enabled?: readonly string[], shape: ComputerShape = 'off'): ToolRegistry {
  const wanted = ({ name }: { name: string }) => enabled === undefined || enabled.includes(name);
  return registryOf([...all.filter(wanted), ...computers[shape]], wanted(askUser));
}

/** The same for a sandbox without a desktop. */
export function withoutDesktop(registry: ToolRegistry): ToolRegistry {
  const names = registry.declarations.map(({ name }) => name);
  const tools = names.flatMap((name) => registry.find(name) ?? []);
  return registryOf(
    tools.filter(({ family }) => family !== 'browser'),
    names.includes(askUser.name),
  );
}

function registryOf(list: readonly Tool[], asks: boolean): ToolRegistry {
  const tools = new Map(list.map((tool) => [tool.name, tool]));
  const declarations = [...list, ...(asks ? [askUser] : [])].map(({ name, description, parameters }) => ({
    name,
    description,
    parameters,
  }));
  return { declarations, find: (name) => tools.get(name) };
}

const desktopNames = new Set([computer, ...geminiComputer].map(({ name }) => name));

/** The family of a call's tool, even if the tool does not exist. */
export function familyOf(name: string): ToolFamily {
  if (desktopNames.has(name)) return 'browser';
  const prefix = name.split('_')[0];
  const known = (['shell', 'file', 'browser', 'message'] as const).find((family) => family === prefix);
  return known ?? (prefix === 'info' ? 'search' : 'mcp');
}

export interface Call {
  readonly name: string;
  readonly args: unknown;
}

/** Executes the model's call. A failure that the model can fix is a result; a lost sandbox or our own bug throws. */
export const runTool = (registry: ToolRegistry, ctx: ToolContext, call: Call): Promise<ToolResult> =>
  perform(registry, call, (tool, args) => tool.run(ctx, args));

/**
 * Resumes a call that an earlier server began. A call that cannot be resumed counts as interrupted and is not run again.
 */
export const reattachTool = (registry: ToolRegistry, ctx: ToolContext, call: Call): Promise<ToolResult> =>
  perform(registry, call, async (tool, args) => (await tool.reattach?.(ctx, args)) ?? interrupted);

const interrupted: ToolResult = {
  ok: false,
  reason: 'interrupted',
  output: 'Interrupted by a restart of the server; it may or may not have taken effect. Look before you repeat it.',
};

async function perform(
  registry: ToolRegistry,
  { name, args }: Call,
  act: (tool: Tool, args: unknown) => Promise<ToolResult>,
): Promise<ToolResult> {
  const tool = registry.find(name);
  if (!tool) return unknownTool(registry, name);
  const given = typeof args === 'string' ? parseJson(args) : { value: args };
  if (!given) return { ok: false, reason: 'bad_arguments', output: `The arguments of ${name} are not valid JSON.` };
  try {
    return await act(tool, given.value);
  } catch (thrown) {
    return expected(toAppError(thrown));
  }
}

function unknownTool(registry: ToolRegistry, name: string): ToolResult {
  const names = registry.declarations.map((tool) => tool.name).join(', ');
  // The first line is complete, because people see only that line; the list is for the model.
  const what =
    familyOf(name) === 'browser'
      ? `This sandbox has no desktop, and so no browser: ${JSON.stringify(name)} cannot be used. New sessions have one where the server runs with CORRAL_SANDBOX_DESKTOP=true.`
      : `There is no tool ${JSON.stringify(name)} here.`;
  return {
    ok: false,
    reason: 'not_found',
    output: `${what}\nThe tools are: ${names}.`,
  };
}

function parseJson(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

const reasons = {
  invalid_request: 'bad_arguments',
  path_outside: 'refused',
  payload_too_large: 'refused',
  conflict: 'refused',
  unsupported: 'refused',
  not_found: 'not_found',
  file_not_found: 'not_found',
  shell_not_found: 'not_found',
  cancelled: 'cancelled',
  deadline_exceeded: 'timed_out',
} as const;

function expected(error: AppError): ToolResult {
  const reason = reasons[error.code as keyof typeof reasons];
  if (reason === undefined) throw error;
  return { ok: false, reason, output: error.publicMessage };
}
