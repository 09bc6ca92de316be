/** User ids that nothing else on the sandboxes' machine uses; both ends are included. */
export interface UserRange {
  readonly first: number;
  readonly last: number;
}
