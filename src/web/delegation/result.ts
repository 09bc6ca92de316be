interface ChildResult {
  /** Empty: the child has none. */
  readonly question: string;
  /** Entries such as `M src/a.ts`. */
  readonly changes: readonly string[];
  readonly lastWords: string;
}

const form = /^(?:The child [0-9a-f]{16}: [^\n]*|Started child [0-9a-f]{16}\.)(.*?)(?:\nIts last words:\n(.*))?$/s;

/** Parses what the delegate tools return to the model (`src/agents/tools/delegation`). Undefined: another text. */
export function parseChildResult(output: string): ChildResult | undefined {
  const [, facts, lastWords = ''] = form.exec(output) ?? [];
  if (facts === undefined) return undefined;
  const [asked = '', changed = ''] = facts.split('\nChanged files:\n', 2);
  return {
    question: asked.replace(/^\nIt asks: /, ''),
    changes: changed.split('\n').filter((line) => line !== ''),
    lastWords,
  };
}
