import { pref } from '../data/prefs.ts';

/** The id of the chosen tab; empty: the first one. */
export const openTab = pref<string>('tab', '');
