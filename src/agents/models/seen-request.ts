import type { TurnRequest } from './model.ts';

export interface RecordedRequest {
  /** Starts at 1. Includes plans, steps, answers and summaries. */
  readonly turn: number;
  readonly runId: string;
  /** The model that was tried first. The turn's `usage` names the one that answered. */
  readonly model: string;
  readonly requestHash: string;
  /** False: the data was changed in the store. */
  readonly proved: boolean;
  readonly sections: readonly { readonly part: string; readonly text: string }[];
  /** Without bytes of pictures. `pictures` maps files to the hashes of what was sent. */
  readonly request: TurnRequest;
  readonly pictures: Readonly<Record<string, string>>;
}
