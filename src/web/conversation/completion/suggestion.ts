import type { IconName } from '../../parts/kit/icon.tsx';

/** One entry of the completion list. */
export interface Suggestion {
  readonly key: string;
  readonly icon: IconName;
  readonly label: string;
  readonly about: string;
  /** The reason why the entry cannot be chosen now. */
  readonly refused?: string;
  /** The text that replaces the word. */
  readonly inserts?: string;
  /** Called when the entry is chosen. The word is removed from the message. */
  readonly act?: () => void;
}

/** The entries that a source offers for a word, and an optional note for the person. */
export interface Suggestions {
  readonly entries: readonly Suggestion[];
  readonly note?: string;
}
