export interface StuckPolicy {
  readonly sameResult: number; // consecutive calls of one action with the same result
  readonly sameError: number; // consecutive occurrences of one error, even from different actions
  readonly alternation: number; // length of an A-B-A-B tail, in calls, at which a run counts as stuck
  readonly sameText: number;
  readonly sameWait: number; // minimum for the first three limits if any of the acts waits
}

/** Every string is stored as a digest to save memory. */
export type ProgressEntry =
  | {
      readonly kind: 'call';
      readonly action: string;
      readonly result: string;
      readonly failed: boolean;
      /** Also set if the call returns an image, which can change while the text stays the same. */
      readonly waits?: boolean;
    }
  | { readonly kind: 'text'; readonly text: string };

export const computeProgressHistorySize = (policy: StuckPolicy): number => Math.max(...Object.values(policy));

/** Undefined if the run is making progress. Considers only repetitions at the end of `acts`. */
export function explainStuckRun(acts: readonly ProgressEntry[], policy: StuckPolicy): string | undefined {
  const { sameResult, sameError, alternation, sameText, sameWait } = policy;
  const repeats = (count: number, key: (act: ProgressEntry) => string | undefined) => {
    const needed = acts.slice(-count).some(isWait) ? Math.max(count, sameWait) : count;
    return sameAtEnd(acts, key) >= needed ? needed : undefined;
  };
  const results = repeats(sameResult, keyOf);
  if (results !== undefined) return `the same action gave the same result ${results} times`;
  const errors = repeats(sameError, (act) => (act.kind === 'call' && act.failed ? act.result : undefined));
  if (errors !== undefined) return `the same error occurred ${errors} times`;
  if (sameAtEnd(acts, (act) => (act.kind === 'text' ? act.text : undefined)) >= sameText) {
    return `the same text was repeated ${sameText} times`;
  }
  const swings = acts.slice(-alternation).some(isWait) ? Math.max(alternation, sameWait) : alternation;
  const swing = acts.slice(-swings);
  if (swing.length === swings && isAlternating(swing)) {
    return `two actions alternated over ${swings} calls without progress`;
  }
  return undefined;
}

const isWait = (act: ProgressEntry): boolean => act.kind === 'call' && act.waits === true;
const keyOf = (act: ProgressEntry): string | undefined =>
  act.kind === 'call' ? `${act.action} ${act.result}` : undefined;

function sameAtEnd(acts: readonly ProgressEntry[], key: (act: ProgressEntry) => string | undefined): number {
  const last = acts.at(-1);
  const target = last && key(last);
  if (target === undefined) return 0;
  return acts.length - 1 - acts.findLastIndex((act) => key(act) !== target);
}

function isAlternating(acts: readonly ProgressEntry[]): boolean {
  const keys = acts.map(keyOf);
  const [a, b] = keys;
  return a !== undefined && b !== undefined && a !== b && keys.every((key, n) => key === (n % 2 === 0 ? a : b));
}
