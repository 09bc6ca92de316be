import type { TurnRequest } from './model.ts';

export interface RecordedRequest {
  /** Starts at 1. Plans, steps, answers and summaries all count as turns. */
  readonly turn: number;
  readonly runId: string;
  /** The model that was tried first. The turn's `usage` names the one that answered. */
  readonly model: string;
  readonly requestHash: string;
  /** False if the data was changed in the store. */
  readonly proved: boolean;
  readonly sections: readonly { readonly part: string; readonly text: string }[];
  /** Excludes image data. `pictures` maps each file to the hash of its image. */
  readonly request: TurnRequest;
  readonly pictures: Readonly<Record<string, string>>;
}
