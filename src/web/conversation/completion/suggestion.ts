import type { IconName } from '../../parts/kit/icon.tsx';

export interface Suggestion {
  readonly key: string;
  readonly icon: IconName;
  readonly label: string;
  readonly about: string;
  readonly refused?: string;
  readonly inserts?: string;
  /**
   * Called when the entry is chosen, after `inserts` has replaced the typed word. Without `inserts`, a word that starts with `/`
   * is removed, and one that starts with `@` stays.
   */
  readonly act?: () => void;
}

export interface SuggestionList {
  readonly entries: readonly Suggestion[];
  readonly note?: string;
}
