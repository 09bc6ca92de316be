interface ChildResult {
  /** Empty: the child has none. */
  readonly question: string;
  /** Entries such as `M src/a.ts`. */
  readonly changes: readonly string[];
  readonly lastWords: string;
}

const opening = /^(?:The child [0-9a-f]{16}: |Started child [0-9a-f]{16}\.)/;

/** Parses what the delegate tools return to the model (`src/agents/tools/delegation`). Undefined: another text. */
export function parseChildResult(output: string): ChildResult | undefined {
  if (!opening.test(output)) return undefined;
  const [facts = '', ...words] = output.split('\nIts last words:\n');
  const [asked = '', changed = ''] = facts.split('\nChanged files:\n', 2);
  const [, question = ''] = asked.split('\nIt asks: ', 2);
  return {
    question,
    changes: changed.split('\n').filter((line) => line !== ''),
    lastWords: words.join('\nIts last words:\n'),
  };
}
