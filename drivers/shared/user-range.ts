/** An inclusive range of user ids that nothing else on the sandboxes' machine uses. */
export interface UserRange {
  readonly first: number;
  readonly last: number;
}
