import type { IconName } from '../../parts/kit/icon.tsx';

/** One entry of the list above the message box. */
export interface Suggestion {
  readonly key: string;
  readonly icon: IconName;
  readonly label: string;
  readonly about: string;
  /** Why it cannot be chosen now. */
  readonly refused?: string;
  /** Put in the place of the word. */
  readonly inserts?: string;
  /** Done when it is chosen; the word leaves the message. */
  readonly act?: () => void;
}

/** The entries that a source has for a word, and a line for the person where that says more than they do. */
export interface Suggestions {
  readonly entries: readonly Suggestion[];
  readonly note?: string;
}
