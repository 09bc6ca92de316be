import { signal } from '@preact/signals';

/** The words in the search field of the list of sessions. */
export const search = signal('');
