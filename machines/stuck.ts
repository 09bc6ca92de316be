/** The number of repetitions at which a run counts as stuck. */
export interface StuckPolicy {
  readonly sameResult: number; // same action with the same result
  readonly sameError: number; // same failure, also of different actions
  readonly alternation: number; // length of an A-B-A-B tail
  readonly sameText: number; // same text said again
}

/** A summary of one act of a run. Texts are stored as digests to keep it small. */
export type Act =
  | { readonly kind: 'call'; readonly action: string; readonly result: string; readonly failed: boolean }
  | { readonly kind: 'text'; readonly text: string };

/** How many of the newest acts the rules need. */
export const remembered = (policy: StuckPolicy): number => Math.max(...Object.values(policy));

/** The reason why a run makes no progress, in words for the model and for people; undefined if it makes progress. */
export function stuckReason(acts: readonly Act[], policy: StuckPolicy): string | undefined {
  const tail = (count: number) => (acts.length >= count ? acts.slice(-count) : undefined);
  const same = (some: readonly Act[] | undefined, key: (act: Act) => string | undefined) => {
    const first = some?.[0] && key(some[0]);
    return first !== undefined && (some ?? []).every((act) => key(act) === first);
  };
  if (same(tail(policy.sameResult), (act) => (act.kind === 'call' ? `${act.action} ${act.result}` : undefined))) {
    return `the same action gave the same result ${policy.sameResult} times`;
  }
  if (same(tail(policy.sameError), (act) => (act.kind === 'call' && act.failed ? act.result : undefined))) {
    return `the same error came ${policy.sameError} times`;
  }
  if (same(tail(policy.sameText), (act) => (act.kind === 'text' ? act.text : undefined))) {
    return `the same text was said ${policy.sameText} times`;
  }
  const swing = tail(policy.alternation);
  if (swing && isAlternating(swing)) return `two actions alternated over ${policy.alternation} calls without progress`;
  return undefined;
}

function isAlternating(acts: readonly Act[]): boolean {
  const keys = acts.map((act) => (act.kind === 'call' ? `${act.action} ${act.result}` : undefined));
  const [a, b] = keys;
  return a !== undefined && b !== undefined && a !== b && keys.every((key, n) => key === (n % 2 === 0 ? a : b));
}
