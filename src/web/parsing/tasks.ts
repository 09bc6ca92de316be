import { parseCsv } from '../work/files/csv.ts';
import type { FormulaNode } from './formula.ts';
import type { highlight } from './highlight.ts';
import { readMarkdown } from './markdown.ts';

// The expensive work on untrusted texts. Each task is a function from plain data to plain data.

export const tasks = {
  markdown: ({ text }: { text: string }) => readMarkdown(text),
  /** Undefined: a plain text. */
  async highlight({ code, language }: { code: string; language: string }): Promise<ReturnType<typeof highlight>> {
    return (await import('./highlight.ts')).highlight(code, language); // large, so it loads with the first code block
  },
  /** Undefined: not a formula, or beyond the limits. KaTeX loads with the first formula. */
  async formula({ tex, isBlock }: { tex: string; isBlock: boolean }): Promise<FormulaNode | undefined> {
    return (await import('./formula.ts')).readFormula(tex, isBlock);
  },
  csv: ({ text, separator, maxRows }: { text: string; separator: string; maxRows: number }) =>
    parseCsv(text, separator, maxRows),
} as const;

export type TaskName = keyof typeof tasks;
export type Input<Name extends TaskName> = Parameters<(typeof tasks)[Name]>[0];
export type Output<Name extends TaskName> = Awaited<ReturnType<(typeof tasks)[Name]>>;

/** A message from the worker: it has loaded, or a task has ended. A task without `output` has failed. */
export type Report = { readonly id: number; readonly output?: unknown } | 'ready';
export interface TaskRequest {
  readonly id: number;
  readonly name: TaskName;
  readonly input: unknown;
}
