/** Inclusive. No other program on the machine that runs the sandboxes may use these user ids. */
export interface UserIdRange {
  readonly first: number;
  readonly last: number;
}
