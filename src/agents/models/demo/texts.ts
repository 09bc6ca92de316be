import { truncateEnd, truncateStart } from '../../../core/text/text.ts';
import type { Message } from '../model.ts';
import { readTaskTitle } from './blocks.ts';
import { builtInTasks, findBuiltInTask } from './tasks/list.ts';
import type { DemoStep } from './unit.ts';

/** Formats text with markup as code, because a page would otherwise render `<h1>` or `#` as a heading. */
function literal(text: string): string {
  if (/[\r\n]/.test(text)) return fenced(text);
  if (!/[<>&`*#~[\]|\\]/.test(text)) return text;
  const mark = '`'.repeat(longestRun(text, 0) + 1);
  const space = /^`|`$|^ .* $/.test(text) ? ' ' : '';
  return `${mark}${space}${text}${space}${mark}`;
}

function fenced(text: string): string {
  const fence = '`'.repeat(longestRun(text, 2) + 1);
  return `${fence}\n${text}${text.endsWith('\n') ? '' : '\n'}${fence}`;
}

const longestRun = (text: string, least: number) =>
  Math.max(least, ...(text.match(/`+/g) ?? []).map((run) => run.length));

export function describeDemoStep(unit: DemoStep): string {
  switch (unit.kind) {
    case 'sh':
      return 'Run a command';
    case 'file':
      return `Write ${unit.path}`;
    case 'browse':
      return unit.urls.length === 1 ? 'Open a page' : `Open ${unit.urls.length} pages`;
    case 'delegate':
      return 'Delegate a part';
    case 'ask':
      return 'Ask a question';
    case 'fail':
      return 'Fail on purpose';
  }
}

type ToolMessage = Extract<Message, { role: 'tool' }>;

export function describeStepResult(unit: DemoStep, failed: ToolMessage | undefined, answer: string): string {
  if (failed) return `This step failed: ${literal(firstLine(failed.output)) || 'no reason'}`;
  switch (unit.kind) {
    case 'sh':
      return 'The command ran and succeeded.';
    case 'file':
      return `Wrote ${literal(unit.path)}.`;
    case 'browse':
      return unit.urls.length === 0 ? 'There was no address to open.' : `Opened ${unit.urls.map(literal).join(', ')}.`;
    case 'delegate':
      return 'The sub-agent is done.';
    case 'ask':
      return /[\r\n]/.test(answer) ? `You answered:\n\n${fenced(answer)}` : `You answered: "${literal(answer)}"`;
    case 'fail':
      return literal(unit.message);
  }
}
function firstLine(text: string): string {
  const line = text.split('\n').find((candidate) => candidate.trim() !== '') ?? '';
  const message = line.replace(/^\[(exit code .*)\]$/, '$1');
  return message.length > longestReason ? `${truncateEnd(message, longestReason - 1)}…` : message;
}

const longestReason = 400;
const shown = 2_000;

/** Marks the demo model's first and final messages, because both may be read outside the page. */
const isDemo = 'Demo, no AI.';

export const describeUnsupportedTask = (): string =>
  `${isDemo} It cannot do this. Add a model, or try one of its tasks:\n\n${builtInTasks.map(({ asks }) => `- ${asks[0]}`).join('\n')}`;

export const describeTaskStart = (task: string): string => `${isDemo} Working on it: ${literal(readTaskTitle(task))}`;

export function summarizeStepResults(results: readonly ToolMessage[], task: string): string {
  const failures = results.filter((result) => !result.success).length;
  const failed = failures > 0 && `The steps are done; ${failures} of ${results.length} tool calls failed.`;
  const last = results.findLast(({ name }) => name === 'shell_exec' || name === 'bash');
  // The first line is the tool's note, not output.
  const output = last?.success === false ? last.output.replace(/^\[exit code [^\]\n]*\]\n?/, '') : last?.output;
  const printed = output ? fenced(truncateStart(output, shown)) : output === '' && 'The last command printed nothing.';
  const head = [isDemo, failed || (!output && 'All steps are done.')].filter(Boolean).join(' ');
  return [head, printed, !failed && findBuiltInTask(task)?.ends].filter(Boolean).join('\n\n');
}

/** Returns at least two pieces if the text has two or more characters. Never splits a character. */
export function splitIntoDeltas(text: string): string[] {
  const size = Math.max(10, Math.ceil(text.length / 16));
  const deltas: string[] = [];
  let piece = '';
  for (const word of text.match(/\S*\s*/g) ?? []) {
    piece += word;
    if (piece.length < size) continue;
    deltas.push(piece);
    piece = '';
  }
  if (piece !== '') deltas.push(piece);
  if (deltas.length > 1) return deltas;
  const [first, ...rest] = text;
  return first === undefined || rest.length === 0 ? deltas : [first, rest.join('')];
}
