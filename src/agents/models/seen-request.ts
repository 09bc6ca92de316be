import type { TurnRequest } from './model.ts';

export interface RecordedRequest {
  /** 1 for the session's first model request. Plans, steps, answers and summaries are all counted. */
  readonly turn: number;
  readonly runId: string;
  /** The model that was tried first; the turn's `usage` names the model that answered. */
  readonly model: string;
  /** The same hash as in the turn's `usage`. */
  readonly requestHash: string;
  /** Whether the stored data still has this hash. False: the data was changed in the store. */
  readonly proved: boolean;
  /** The named parts of `request.system`, in order. */
  readonly sections: readonly { readonly part: string; readonly text: string }[];
  /** Pictures have no bytes here; `pictures` maps files to the hashes of the pictures that were sent. */
  readonly request: TurnRequest;
  readonly pictures: Readonly<Record<string, string>>;
}
