export type MemoryAccess = 'read' | 'write';

export interface AgentNote {
  readonly path: string;
  readonly size: number;
  readonly updatedAt: number;
  readonly version: number;
}

/**
 * Notes that outlive the session: those of its owner and of its project. Methods can reject with AppError: invalid_request,
 * not_found, conflict, payload_too_large, store_busy.
 */
export interface AgentMemory {
  list(): Promise<readonly AgentNote[]>;
  read(path: string): Promise<AgentNote & { readonly text: string }>;
  /** `append`: adds the text to the note, on a new line. `isApproved`: a person approved the call. */
  write(
    path: string,
    text: string,
    how: { readonly append: boolean; readonly isApproved: boolean },
  ): Promise<AgentNote>;
  /** The note's text before and after a write with these arguments. `before` is null if the note does not exist. */
  compare(
    path: string,
    text: string,
    append: boolean,
  ): Promise<{ readonly before: string | null; readonly after: string }>;
  delete(path: string, how: { readonly isApproved: boolean }): Promise<void>;
}
