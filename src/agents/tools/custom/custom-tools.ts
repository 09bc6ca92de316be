import { readdirSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { z } from 'zod';
import { createTimeoutSignal, raceAbort } from '../../../core/concurrency/cancel.ts';
import { AppError } from '../../../core/errors/errors.ts';
import { toolDescriptions } from '../list.ts';
import { splitToolDescription, toPortableParameters } from '../outside/portable-schema.ts';
import { makePlanTool } from '../special.ts';
import { defineTool, type Tool, type ToolContext, type ToolResult } from '../tool.ts';
import { type CustomToolDefinition, parseCustomTool } from './check.ts';
import type { CustomToolContext, CustomToolResult } from './definition.ts';

const definition = new URL(`./definition${extname(import.meta.url)}`, import.meta.url).href;
const moduleForm = /^[^._].*(?<![.]test|[.]d)[.](ts|mts|js|mjs)$/;

/** Rejects with invalid_request, which lists every error with its file. */
export async function loadCustomTools(folder: string | undefined): Promise<readonly Tool[]> {
  const files = folder === undefined ? [] : modulesIn(folder);
  if (folder === undefined || files.length === 0) return [];
  using _resolving = resolving(pathToFileURL(join(folder, '/')).href);
  const tools = new Map<string, Tool>();
  const taken = new Set([makePlanTool.name, ...toolDescriptions.map(({ name }) => name)]);
  const problems: string[] = [];
  for (const file of files) {
    const where = join(folder, file);
    const loaded = await load(where).catch((error: unknown) => ({ error }));
    if ('error' in loaded) {
      problems.push(`${where} cannot be loaded: ${String(loaded.error).split('\n')[0]}`);
      continue;
    }
    const checked = parseCustomTool(loaded.exported, file.replace(/[.]\w+$/, '').replaceAll('-', '_'));
    if ('problems' in checked) problems.push(...checked.problems.map((problem) => `${where}: ${problem}.`));
    else if (taken.has(checked.name)) {
      problems.push(`${where}: name: ${checked.name} is a built-in tool of the server and cannot be replaced.`);
    } else if (tools.has(checked.name))
      problems.push(`${where}: name: another file also defines the tool ${checked.name}.`);
    else tools.set(checked.name, createCustomTool(checked));
  }
  if (problems.length > 0) throw new AppError('invalid_request', problems.join('\n'));
  return [...tools.values()];
}

async function load(file: string): Promise<{ readonly exported: unknown }> {
  const loaded: { readonly default?: unknown } = await import(pathToFileURL(file).href);
  return { exported: loaded.default };
}

/** Lets modules below this URL import `corral/tools`, and also the server's zod if they cannot find their own. */
function resolving(below: string): Disposable {
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      if (!context.parentURL?.startsWith(below)) return next(specifier, context);
      if (specifier === 'corral/tools') return { url: definition, shortCircuit: true };
      if (specifier !== 'zod') return next(specifier, context);
      try {
        return next(specifier, context);
      } catch {
        return next(specifier, { ...context, parentURL: import.meta.url });
      }
    },
  });
  return { [Symbol.dispose]: () => hooks.deregister() };
}

function modulesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => moduleForm.test(name))
      .sort();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw new AppError('invalid_request', `${folder} cannot be read: ${code}.`, { cause });
  }
}

/** Failures in the tool's code become results for the model. */
export function createCustomTool({ name, label, description, parameters, group, run }: CustomToolDefinition): Tool {
  const perform = run as unknown as (context: CustomToolContext, args: unknown) => Promise<CustomToolResult>;
  const tool = defineTool({
    name,
    family: 'custom',
    group: group ?? 'always',
    label: label ?? name,
    description,
    parameters,
    orderKey: () => null,
    async run(ctx, args: z.output<z.ZodObject>): Promise<ToolResult> {
      using until = createTimeoutSignal(ctx.timeoutMs, ctx.clock, ctx.signal);
      const { signal } = until;
      try {
        const work = async () => await perform(createContext(ctx, signal), args);
        return toResult(await raceAbort(work(), signal)); // ends on time even if the tool's code ignores its signal
      } catch (thrown) {
        if (ctx.signal.aborted) throw thrown;
        if (signal.aborted) return failed('timed_out', `${name} took longer than ${ctx.timeoutMs / 1_000} s.`);
        if (thrown instanceof AppError) throw thrown;
        return failed('failed', `${name} failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      }
    },
  });
  const { schema, restore } = toPortableParameters(tool.parameters); // zod can express schemas that providers refuse
  return { ...tool, ...splitToolDescription(description, schema), restore };
}

const failed = (reason: 'failed' | 'timed_out', output: string): ToolResult => ({ ok: false, reason, output });

function toResult(customToolResult: CustomToolResult): ToolResult {
  if (typeof customToolResult === 'string') return { ok: true, output: customToolResult };
  if (typeof customToolResult?.ok !== 'boolean' || typeof customToolResult.output !== 'string') {
    throw new Error('it returned neither a string nor { ok, output }');
  }
  return customToolResult.ok
    ? { ok: true, output: customToolResult.output }
    : failed('failed', customToolResult.output);
}

function createContext({ sandbox, runId, timeoutMs, onOutput }: ToolContext, signal: AbortSignal): CustomToolContext {
  return {
    signal,
    log: (line) => onOutput(`${line}\n`),
    sandbox: {
      workdir: sandbox.workdir,
      async exec(command, { timeoutSeconds = timeoutMs / 1_000 } = {}) {
        const { exitCode, stdout, stderr, timedOut } = await sandbox.exec(
          { command, timeoutMs: Math.min(timeoutSeconds * 1_000, timeoutMs), tag: runId },
          signal,
        );
        return { exitCode, stdout, stderr, timedOut };
      },
      readFile: (path) => sandbox.readFile(path, signal),
      writeFile: (path, content) => sandbox.writeFile(path, content, signal),
    },
  };
}
