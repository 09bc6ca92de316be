/** Both ends are inclusive. No other program on the sandboxes' machine may use these user ids. */
export interface UserIdRange {
  readonly first: number;
  readonly last: number;
}
