/** Inclusive. These user ids must be unused by other programs on the sandboxes' machine. */
export interface UserIdRange {
  readonly first: number;
  readonly last: number;
}
