import type { z } from 'zod';
import { createTimeoutSignal, raceAbort } from '../../../core/concurrency/cancel.ts';
import { AppError } from '../../../core/errors/errors.ts';
import { describeParameters, toPortableParameters } from '../outside/portable-schema.ts';
import { defineTool, type Tool, type ToolContext, type ToolResult } from '../tool.ts';
import type { CustomToolDefinition } from './check.ts';
import type { CustomToolContext, CustomToolResult } from './definition.ts';

/** A failure of the tool's code is a result for the model. */
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
        return toResult(await raceAbort(work(), signal)); // even if the code ignores its signal
      } catch (thrown) {
        if (ctx.signal.aborted) throw thrown;
        if (signal.aborted) return failed('timed_out', `${name} took longer than ${ctx.timeoutMs / 1_000} s.`);
        if (thrown instanceof AppError) throw thrown;
        return failed('failed', `${name} failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      }
    },
  });
  const { schema, restore } = toPortableParameters(tool.parameters); // zod can describe more than providers accept
  return { ...tool, ...describeParameters(description, schema), restore };
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
