/** Both ends are inclusive. Other programs on the machine must not use these user ids. */
export interface UserIdRange {
  readonly first: number;
  readonly last: number;
}
