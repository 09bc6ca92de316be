import type { FakeRequest, Limits, RefusedReply, ScriptedReply } from './wire-format.ts';

export const sse = (data: object, event?: string): string =>
  `${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`;

/** The tokens that every fake reports for a reply. */
export const fakeUsage = { input: 120, cached: 40, output: 42, reasoning: 33 };

/** Signed reasoning of these fakes; each provider accepts only its own. */
export const signature = (provider: string, n: number): string => `${provider}-signature-${n}`;
export const isSignedBy = (provider: string, value0: unknown): boolean =>
  String(value0).startsWith(`${provider}-signature-`);

export const isWhole = (reply: ScriptedReply): boolean => reply.after === undefined;

/** The text in two deltas, so that a client that reads only one is noticed. */
export const halves = (text: string): string[] => {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)].filter((half) => half !== '');
};

export const unknownKey = (body: object, known: readonly string[]): string | undefined =>
  Object.keys(body).find((key) => !known.includes(key));

export function tooLong({ body }: FakeRequest, { window }: Limits): number | undefined {
  // A picture of any size counts as about a thousand tokens.
  const text = JSON.stringify(body).replace(/[A-Za-z0-9+/=]{2000,}/g, 'p'.repeat(4_000));
  const tokens = Math.ceil(text.length / 4);
  return tokens > window ? tokens : undefined;
}

export const bad = (message: string, name?: string): RefusedReply => ({ status: 400, message, ...(name && { name }) });

/** The first call without its result, or result without its call, in the order of the wire. */
export function unpaired(
  items: readonly { readonly kind: 'call' | 'result' | 'other'; readonly id?: string }[],
): { readonly kind: 'call' | 'result'; readonly id: string } | undefined {
  let open: string[] = [];
  for (const { kind, id = '' } of items) {
    if (kind === 'call') open.push(id);
    else if (kind === 'result') {
      if (!open.includes(id)) return { kind, id };
      open = open.filter((other) => other !== id);
    } else if (open[0] !== undefined) return { kind: 'call', id: open[0] };
  }
  return open[0] === undefined ? undefined : { kind: 'call', id: open[0] };
}
