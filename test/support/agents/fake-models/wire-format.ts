import type { IncomingHttpHeaders } from 'node:http';

// The fake providers share one neutral script; a wire format turns it into a provider's own events.

export interface ScriptedReply {
  readonly text?: string;
  readonly reasoning?: string;
  readonly calls?: readonly FakeCall[];
  readonly stop?: 'length' | 'refused';
  /** The tokens that the provider reports; only `compatible` can report other numbers than the default. */
  readonly usage?: { readonly input: number; readonly output: number };
  /** `cut`: the connection breaks before the end. `stall`: nothing follows. `unfinished`: a clean end without the last event. */
  readonly after?: 'cut' | 'stall' | 'unfinished';
}
export interface FakeCall {
  readonly name: string;
  readonly args: object;
  /** The provider's own set of tools that the call belongs to. */
  readonly toolset?: string;
  /** The arguments as they are sent, when they are not JSON. */
  readonly text?: string;
}
export interface RefusedReply {
  readonly status: number;
  readonly message: string;
  readonly name?: string;
  readonly headers?: Record<string, string>;
}
/** `silence`: no byte comes. */
export type FakeReply = ScriptedReply | RefusedReply | 'silence';

export interface FakeRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: a recorded body, read by assertions
  readonly body: any;
}
export interface Limits {
  /** The window in tokens, four characters each. */
  readonly window: number;
  readonly key: string;
  /** Any request with the key passes: for programs whose requests have fields that Corral's own do not have. */
  readonly isUnlike?: boolean;
}
export interface WireFormat {
  /** The provider's refusal of a request that the real API refuses. */
  check(request: FakeRequest, limits: Limits): RefusedReply | undefined;
  /** The events of the n-th reply, without the last one when it is unfinished. */
  events(reply: ScriptedReply, n: number, request: FakeRequest): readonly string[];
  error(refused: RefusedReply): object;
  list(request: Pick<FakeRequest, 'path' | 'headers'>, limits: Limits): RefusedReply | object;
}
export type WireName = 'gemini' | 'anthropic' | 'openai' | 'compatible';

/** Whether the conversation in the request already has a plan, or the model is offered none. */
export const isPlanned = ({ body }: FakeRequest): boolean =>
  !JSON.stringify(body.tools ?? []).includes('"make_plan"') ||
  JSON.stringify(body.messages ?? body.input ?? body.contents).includes('"name":"make_plan"');

export const toolCall = (name: string, args: object): ScriptedReply => ({
  calls: [{ name, args: { ...args } as never }],
});

export const isGrader = ({ body }: FakeRequest): boolean => JSON.stringify(body.tools ?? []).includes('give_verdict');
