import { z } from 'zod';
import { truncateEnd } from '../../core/text/text.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { CellOutcome, KernelContexts } from '../kernels/kernel.ts';
import type { CodeResult } from '../kernels/messages.ts';
import { describeOutputFile, saveOutputBytes, saveOutputFile, toOutputFileName } from './kept-output.ts';
import { maxModelTextChars, truncateOutput } from './output.ts';
import { defineTool, describeTool, type Tool, type ToolContext, type ToolResult } from './tool.ts';

interface CodeKernels {
  of(client: SandboxClient): Pick<KernelContexts, 'create' | 'execute' | 'restart'>;
}

const labels = { python: 'Python', javascript: 'JavaScript' } as const;
const keptChars = 8 * 1024 * 1024;
const maxPictures = 8;

const parameters = z.object({
  language: z.enum(['python', 'javascript']),
  code: z.string().min(1).max(1_000_000),
  context: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/)
    .optional()
    .describe('names a kernel with variables of its own; default: one kernel for each language'),
  restart: z.boolean().default(false).describe('begin with a new kernel, without the variables of earlier calls'),
});
const idOf = ({ language, context }: { readonly language?: unknown; readonly context?: unknown }) =>
  context === undefined ? `${language}` : `${language}-${context}`;

const about = {
  name: 'code_execute',
  family: 'code',
  group: 'bash',
  label: 'Run code',
  description:
    'Run Python or JavaScript in a kernel that keeps its variables, imports and functions between calls, in the ' +
    'working directory. The result is what the code prints and the value of its last expression; a data frame is ' +
    'shown as a table, and figures of matplotlib as pictures. `display(value)` shows further values, and `await` ' +
    'works everywhere.',
  parameters,
  orderKey: (args) => `code ${idOf(args)}`,
} as const satisfies Parameters<typeof describeTool<typeof parameters>>[0];

export const codeToolDescription = describeTool(about);

export const createCodeTool = (kernels: CodeKernels): Tool =>
  defineTool({
    ...about,
    async run(ctx, { code, restart, ...named }) {
      const contexts = kernels.of(ctx.sandbox);
      const { language } = named;
      const { id } = contexts.create({ id: idOf(named), language });
      if (restart) await contexts.restart(id);
      const seen = new CellRecorder(ctx);
      const cell = { code, timeoutMs: ctx.timeoutMs, tag: ctx.runId, listener: seen };
      const execution = await contexts.execute(id, cell, ctx.signal);
      return await toResult(ctx, { execution, seen, code, kernel: `${labels[language]} kernel` });
    },
  });

class CellRecorder {
  readonly #onOutput: (text: string) => void;
  readonly results: CodeResult[] = [];
  #left = keptChars;
  stdout = '';
  stderr = '';

  constructor({ onOutput }: ToolContext) {
    this.#onOutput = onOutput;
  }

  onText(stream: 'stdout' | 'stderr', text: string): void {
    const isFull = this.#left < 0;
    this[stream] += truncateEnd(text, Math.max(0, this.#left));
    this.#left -= text.length;
    if (this.#left < 0 && !isFull) this[stream] += '\n[… more than 8 MiB, the rest was dropped …]\n';
    this.#onOutput(text);
  }

  onResult(result: CodeResult): void {
    if (this.results.length < 100) this.results.push(result);
  }
}

interface CellRun {
  readonly execution: CellOutcome;
  readonly seen: CellRecorder;
  readonly code: string;
  readonly kernel: string;
}

async function toResult(ctx: ToolContext, ran: CellRun): Promise<ToolResult> {
  const { execution, seen, code, kernel } = ran;
  const pictures = [];
  const values: string[] = [];
  for (const [at, { data }] of seen.results.entries()) {
    values.push(data['text/markdown'] ?? data['text/plain'] ?? '');
    for (const mimeType of ['image/png', 'image/jpeg'] as const) {
      const picture = data[mimeType];
      if (picture === undefined) continue;
      const bytes = { data: Buffer.from(picture, 'base64'), mimeType, name: `${toOutputFileName(ctx)}-${at + 1}` };
      const kept = await saveOutputBytes(ctx, bytes);
      values.push(kept.text);
      if (kept.picture && pictures.length < maxPictures) pictures.push(kept.picture);
    }
  }
  const whole = [
    ...(execution.isFirst ? [`[A new ${kernel}: it has no variables of earlier calls.]`] : []),
    seen.stdout.trimEnd(),
    ...(seen.stderr.trim() === '' ? [] : [`[stderr]\n${seen.stderr.trimEnd()}`]),
    ...values,
    ...(execution.error ? [execution.error.traceback] : []),
    ...describeEnd(execution, ctx.timeoutMs),
  ]
    .filter((part) => part !== '')
    .join('\n');
  const output = truncateOutput(
    whole === '' ? 'Done; the code printed nothing and its last line has no value.' : whole,
  );
  const isLong = whole.length > maxModelTextChars;
  const rest = isLong
    ? describeOutputFile(await saveOutputFile(ctx, `${toOutputFileName(ctx)}.txt`, whole))
    : undefined;
  const common = {
    output,
    content: { console: [{ ps1: `[${execution.count ?? '*'}]: `, command: code, output }] },
    ...(rest !== undefined && { rest }),
    ...(pictures.length > 0 && { pictures }),
  };
  if (execution.ended === 'whole' && !execution.error) return { ok: true, ...common };
  return { ok: false, reason: reasonOf(execution), ...common };
}

function reasonOf({ ended, exitCode }: CellOutcome): 'failed' | 'timed_out' | 'cancelled' | 'oom' {
  if (ended === 'whole') return 'failed';
  if (ended === 'died') return exitCode === 137 ? 'oom' : 'failed';
  return ended;
}

function describeEnd({ ended, exitCode, isStateLost }: CellOutcome, timeoutMs: number): string[] {
  if (ended === 'whole') return [];
  const lost = 'Its variables are lost, and the next call begins with a new kernel.';
  const killed = exitCode === 137 ? ', probably for lack of memory' : '';
  const what =
    ended === 'died'
      ? `The kernel ended with exit code ${exitCode}${killed}.`
      : ended === 'timed_out'
        ? `The code was interrupted after ${Math.round(timeoutMs / 1_000)} s.`
        : 'The code was interrupted.';
  return [`[${what} ${isStateLost ? lost : 'Its variables are kept.'}]`];
}
