export type MemoryAccess = 'read' | 'write';

export interface AgentNote {
  readonly path: string;
  readonly size: number;
  readonly updatedAt: number;
  readonly version: number;
}

/** Owner and project notes. May reject with invalid_request, not_found, conflict, payload_too_large or store_busy. */
export interface AgentMemory {
  list(): Promise<readonly AgentNote[]>;
  read(path: string): Promise<AgentNote & { readonly text: string }>;
  /** `append`: adds the text on a new line at the end. `isApproved`: a user approved the call. */
  write(
    path: string,
    text: string,
    how: { readonly append: boolean; readonly isApproved: boolean },
  ): Promise<AgentNote>;
  /** `before` is null if the note does not exist. */
  compare(
    path: string,
    text: string,
    append: boolean,
  ): Promise<{ readonly before: string | null; readonly after: string }>;
  delete(path: string, how: { readonly isApproved: boolean }): Promise<void>;
}
