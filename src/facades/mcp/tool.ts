import type { CallToolResult, McpServer, ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { combineSignals } from '../../core/concurrency/cancel.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import { toPublicMessage } from '../../http/errors/wire-errors.ts';
import type { McpRequestDeps } from './deps.ts';
import { toMcpError } from './errors.ts';

export interface McpContext extends Pick<McpRequestDeps, 'services'> {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly progress: (text: string) => Promise<void>;
}
export interface McpToolDefinition<Input extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: Input;
  /** `reads`: changes nothing. `destroys`: deletes data permanently. */
  readonly effect: 'reads' | 'changes' | 'destroys';
  run(input: z.output<Input>, call: McpContext): Promise<CallToolResult>;
}

export const defineMcpTool = <Input extends z.ZodObject>(tool: McpToolDefinition<Input>): McpToolDefinition =>
  tool as unknown as McpToolDefinition;

export const toStructuredResult = (answer: Record<string, unknown>): CallToolResult => ({
  content: [{ type: 'text', text: JSON.stringify(answer) }],
  structuredContent: answer,
});

/** A malformed id is treated as an unknown session (see `toSessionId`). */
export const McpSessionIdInput = z.string().max(255).describe('the id of the session');
export const PathInput = z
  .string()
  .min(1)
  .max(4_096)
  .refine((path) => !path.includes('\0'), 'must not contain NUL')
  .describe('relative to the workspace');

export function addTool(server: McpServer, tool: McpToolDefinition, parts: McpRequestDeps): void {
  const { name, title, description, effect } = tool;
  const annotations = {
    readOnlyHint: effect === 'reads',
    destructiveHint: effect === 'destroys',
    openWorldHint: false,
  };
  server.registerTool(name, { title, description, inputSchema: tool.input, annotations }, async (input, context) => {
    try {
      const signal = combineSignals([parts.gone, context.mcpReq.signal]);
      const { services, sse } = parts;
      return await tool.run(input, { services, clock: sse.clock, signal, progress: progressReporter(context) });
    } catch (thrown) {
      const error = toMcpError(thrown, name, parts.logger);
      return { isError: true, content: [{ type: 'text', text: `${toPublicMessage(error)} (${error.code})` }] };
    }
  });
}

function progressReporter({ mcpReq }: ServerContext): McpContext['progress'] {
  const progressToken = mcpReq._meta?.progressToken;
  let progress = 0;
  return async (message) => {
    if (progressToken === undefined) return;
    await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: ++progress, message } });
  };
}
