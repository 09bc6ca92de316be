import { parseCsv } from '../work/files/csv.ts';
import type { FormulaNode } from './formula.ts';
import type { highlightTextParts } from './highlight.ts';
import { parseMarkdown } from './markdown.ts';

export const parseTasks = {
  markdown: ({ text }: { text: string }) => parseMarkdown(text),
  /** Undefined: the code stays plain text. */
  async highlight(input: { code: string; language: string }): Promise<ReturnType<typeof highlightTextParts>> {
    return (await import('./highlight.ts')).highlightTextParts(input.code, input.language); // large, so it loads with the first code block
  },
  /** Undefined: the formula exceeds the limits. Throws if the text is not a formula. */
  async formula({ tex, isBlock }: { tex: string; isBlock: boolean }): Promise<FormulaNode | undefined> {
    return (await import('./formula.ts')).parseFormula(tex, isBlock);
  },
  csv: ({ text, separator, maxRows }: { text: string; separator: string; maxRows: number }) =>
    parseCsv(text, separator, maxRows),
} as const;

export type ParseTaskName = keyof typeof parseTasks;
export type ParseTaskInput<Name extends ParseTaskName> = Parameters<(typeof parseTasks)[Name]>[0];
export type ParseTaskOutput<Name extends ParseTaskName> = Awaited<ReturnType<(typeof parseTasks)[Name]>>;

/** `ready`: the worker has loaded. Without `output`, the task has failed or returned undefined. */
export type ParseTaskReport = { readonly id: number; readonly output?: unknown } | 'ready';
export interface ParseTaskRequest {
  readonly id: number;
  readonly name: ParseTaskName;
  readonly input: unknown;
}
