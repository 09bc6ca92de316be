import { z } from 'zod';
import type { AgentUpdate } from '../../core/model/agent-updates.ts';

const count = z.number().nonnegative();
const quota = z.object({ token_count: z.object({ input_tokens: count, output_tokens: count }) });
/** Agents report the tokens of a message with its answer: some as the protocol's draft says, Gemini CLI as its quota. */
const Answer = z.object({
  usage: z.object({ totalTokens: count }).optional().catch(undefined),
  _meta: z.object({ quota }).optional().catch(undefined),
});
interface Report {
  readonly used: number;
  readonly cost?: { readonly amount: number; readonly currency: string } | null | undefined;
}

/** Counts the spending of an agent whose reports repeat earlier ones. */
export class SpendingCounter {
  #tokens = 0; // of the present message
  #cost = 0; // of the agent's session

  /** A new message has spent nothing. */
  begin(): void {
    this.#tokens = 0;
  }

  /** `used` is the length of the conversation, so the message has taken that many tokens at least. */
  reported({ used, cost }: Report): readonly AgentUpdate[] {
    return this.#more(used, cost?.currency === 'USD' ? cost.amount : undefined);
  }

  answered(answer: unknown): readonly AgentUpdate[] {
    const { usage, _meta } = Answer.safeParse(answer).data ?? {};
    const { input_tokens: input = 0, output_tokens: output = 0 } = _meta?.quota.token_count ?? {};
    return this.#more(usage?.totalTokens ?? input + output, undefined);
  }

  #more(tokens: number, cost: number | undefined): readonly AgentUpdate[] {
    const more = { tokens: Math.max(0, tokens - this.#tokens), cost: cost && Math.max(0, cost - this.#cost) };
    this.#tokens += more.tokens;
    this.#cost += more.cost ?? 0;
    return more.tokens > 0 || more.cost ? [{ kind: 'spent', ...more }] : [];
  }
}
