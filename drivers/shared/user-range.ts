/** Inclusive. No other program on the sandboxes' machine uses these user ids. */
export interface UserIdRange {
  readonly first: number;
  readonly last: number;
}
