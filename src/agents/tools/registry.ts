import { type AppError, toAppError } from '../../core/errors/errors.ts';
import type { ApprovalRule } from '../../core/model/approval-rule.ts';
import { compileGlobs } from '../../core/text/glob.ts';
import { type JsonLimits, parseJson } from '../../core/text/json.ts';
import { memoizeByKey } from '../../core/text/list-fold.ts';
import { builtInTools, type ComputerToolVariant, computerTools } from './list.ts';
import type { MemoryAccess } from './memory/agent-memory.ts';
import { askUserTool } from './special.ts';
import type { Tool, ToolContext, ToolDescription, ToolResult } from './tool.ts';
import { findToolFamily } from './words.ts';

export type ToolDeclaration = Pick<ToolDescription, 'name' | 'description' | 'parameters' | 'native'>;
export interface ToolRegistry {
  /** Includes `message_ask_user`, which the loop answers itself. */
  readonly declarations: readonly ToolDeclaration[];
  find(name: string): Tool | undefined;
  /** Set if the sandbox has no desktop: the reason and a remedy. */
  readonly desktopAdvice?: string;
}

export function createToolRegistry(
  enabled?: readonly string[],
  shape: ComputerToolVariant = 'off',
  more: readonly Tool[] = [],
): ToolRegistry {
  const matches = ({ name }: { name: string }) => enabled === undefined || enabled.includes(name);
  return registryOf([...[...builtInTools, ...more].filter(matches), ...computerTools[shape]], matches(askUserTool));
}

export const withoutDesktopTools = (registry: ToolRegistry, desktopAdvice: string): ToolRegistry => ({
  ...filterTools(registry, ({ needs }) => !needs.includes('desktop')),
  desktopAdvice,
});

export const withoutRepositoryTools = (registry: ToolRegistry): ToolRegistry =>
  filterTools(registry, ({ needs }) => !needs.includes('repository'));

export const withoutSkillTools = (registry: ToolRegistry): ToolRegistry =>
  filterTools(registry, ({ needs }) => !needs.includes('skill'));

export const restrictMemoryTools = (registry: ToolRegistry, access: MemoryAccess | undefined): ToolRegistry =>
  filterTools(
    registry,
    ({ needs }) =>
      !(needs.includes('memory') && access === undefined) && !(needs.includes('memory_write') && access !== 'write'),
  );

export const withoutDelegationTools = (registry: ToolRegistry): ToolRegistry =>
  filterTools(registry, ({ needs }) => !needs.includes('children'));

export const listToolsNeedingApproval = (
  { declarations, find }: ToolRegistry,
  rules: readonly ApprovalRule[],
): string[] =>
  declarations
    .map(({ name }) => name)
    .filter((name) => find(name)?.asksFirst === true)
    .filter((name) => !rules.some(({ tool, pattern }) => pattern === undefined && compileGlobs([tool])(name)));

export function filterTools(registry: ToolRegistry, passes: (tool: ToolDescription) => boolean): ToolRegistry {
  const names = registry.declarations.map(({ name }) => name);
  const tools = names.flatMap((name) => registry.find(name) ?? []);
  const { desktopAdvice } = registry;
  return {
    ...registryOf(tools.filter(passes), names.includes(askUserTool.name) && passes(askUserTool)),
    ...(desktopAdvice !== undefined && { desktopAdvice }),
  };
}

/** Adds `all`, but shows the model only `declared`. Never replaces a known tool. */
export function withTools(
  registry: ToolRegistry,
  { declared, all }: { readonly declared: readonly Tool[]; readonly all: readonly Tool[] },
): ToolRegistry {
  const more = new Map(all.filter(({ name }) => !registry.find(name)).map((tool) => [tool.name, tool]));
  const shown = declared.filter(({ name }) => more.has(name));
  return {
    ...registry,
    declarations: [...registry.declarations, ...shown.map(declarationOf)],
    find: (name) => registry.find(name) ?? more.get(name),
  };
}

/** Creates each declaration only once, so that its size and hash stay cached. */
const declarationOf = memoizeByKey(
  (tool: ToolDescription): ToolDeclaration => ({
    name: tool.name,
    description: tool.description,
    get parameters() {
      return tool.parameters;
    },
    ...(tool.native && { native: tool.native }),
  }),
);

function registryOf(list: readonly Tool[], asks: boolean): ToolRegistry {
  const tools = new Map(list.map((tool) => [tool.name, tool]));
  const declarations = [...list, ...(asks ? [askUserTool] : [])].map(declarationOf);
  return { declarations, find: (name) => tools.get(name) };
}

export interface ToolCallRequest {
  readonly name: string;
  readonly args: unknown;
}

export function findOrderKey(registry: ToolRegistry, { name, args }: ToolCallRequest): string | null {
  const tool = registry.find(name) ?? (name === askUserTool.name ? askUserTool : undefined);
  return tool?.orderKey(typeof args === 'string' ? argumentsIn(args)?.value : args) ?? null;
}

/** Resolves with failures that the model can handle, and rejects with others. */
export const runTool = (registry: ToolRegistry, ctx: ToolContext, call: ToolCallRequest): Promise<ToolResult> =>
  perform(registry, call, (tool, args) => tool.run(ctx, args));

/** Never runs a call again. Reports it as interrupted if it cannot be resumed. */
export const resumeToolCall = (registry: ToolRegistry, ctx: ToolContext, call: ToolCallRequest): Promise<ToolResult> =>
  perform(registry, call, async (tool, args) => (await tool.reattach?.(ctx, args)) ?? interrupted);

const interrupted: ToolResult = {
  ok: false,
  reason: 'interrupted',
  output: 'Interrupted by a restart of the server; it may or may not have taken effect. Look before you repeat it.',
};

async function perform(
  registry: ToolRegistry,
  { name, args }: ToolCallRequest,
  act: (tool: Tool, args: unknown) => Promise<ToolResult>,
): Promise<ToolResult> {
  const tool = registry.find(name);
  if (!tool) return unknownTool(registry, name);
  const input = typeof args === 'string' ? argumentsIn(args) : { value: args };
  if (!input) return { ok: false, reason: 'bad_arguments', output: `The arguments of ${name} are not valid JSON.` };
  try {
    return await act(tool, tool.restore ? tool.restore(input.value) : input.value);
  } catch (thrown) {
    return expected(toAppError(thrown));
  }
}

const delegationAdvice = 'Sub-agents need a session with a template that allows them, such as Team.';

function unknownTool(registry: ToolRegistry, name: string): ToolResult {
  const names = registry.declarations.map((tool) => tool.name).join(', ');
  // Users see only the first line, so it must make sense on its own.
  const { desktopAdvice } = registry;
  const what =
    desktopAdvice !== undefined && findToolFamily(name) === 'browser'
      ? `This sandbox has no desktop, and so no browser: ${JSON.stringify(name)} cannot be used. ${desktopAdvice}`.trim()
      : `There is no tool ${JSON.stringify(name)} here.${name.startsWith('delegate') ? ` ${delegationAdvice}` : ''}`;
  return {
    ok: false,
    reason: 'not_found',
    output: `${what}\nThe tools are: ${names}.`,
  };
}

const argumentLimits: JsonLimits = { maxBytes: 16 * 1024 * 1024, maxDepth: 64, maxValues: 100_000 };
function argumentsIn(text: string): { value: unknown } | undefined {
  const json = parseJson(text, argumentLimits);
  return json.ok ? json : undefined;
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
  queue_full: 'failed',
  cancelled: 'cancelled',
  deadline_exceeded: 'timed_out',
} as const;

function expected(error: AppError): ToolResult {
  const reason = reasons[error.code as keyof typeof reasons];
  if (reason === undefined) throw error;
  return { ok: false, reason, output: error.publicMessage };
}
