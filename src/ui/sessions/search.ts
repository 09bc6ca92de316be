import { signal } from '@preact/signals';

/** What the person looks for in the list of sessions. */
export const search = signal('');
