import type { IconName } from '../../parts/kit/icon.tsx';

export interface Suggestion {
  readonly key: string;
  readonly icon: IconName;
  readonly label: string;
  readonly about: string;
  readonly refused?: string;
  readonly inserts?: string;
  /**
   * Called when the entry is chosen, after `inserts` has replaced the word. Without `inserts`, a `/` word is removed and an `@`
   * word stays.
   */
  readonly act?: () => void;
}

export interface Suggestions {
  readonly entries: readonly Suggestion[];
  readonly note?: string;
}
