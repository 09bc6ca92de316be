import type { Tool, ToolContext, ToolResult } from '../../../src/agents/tools/tool.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import { type Behaviour, type FakeSandbox, fakeSandbox } from '../sandboxes/fake-sandbox.ts';

export interface ToolBench {
  readonly sandbox: FakeSandbox;
  readonly reports: string[];
  context(more?: Partial<ToolContext>): ToolContext;
  run(tool: Tool, args: unknown, more?: Partial<ToolContext>): Promise<ToolResult>;
}

/** A fake sandbox and the context that a tool needs; each call is its own operation. */
export function toolBench(behave?: (command: string) => Behaviour): ToolBench {
  const sandbox = fakeSandbox(behave);
  const reports: string[] = [];
  let operations = 0;
  const context = (more: Partial<ToolContext> = {}): ToolContext => ({
    sessionId: SessionId.parse('0123456789abcdef'),
    signal: new AbortController().signal,
    clock: systemClock,
    sandbox,
    operationId: `op${++operations}`,
    runId: 'run1',
    timeoutMs: 60_000,
    onOutput: (text) => reports.push(text),
    ...more,
  });
  return { sandbox, reports, context, run: (tool, args, more) => tool.run(context(more), args) };
}
