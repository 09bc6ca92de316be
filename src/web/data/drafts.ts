import { recall, store } from './prefs.ts';

// The unsent text of each session, which survives a reload.

const keyOf = (sessionId: string | undefined) => `draft.${sessionId ?? 'new'}`;

export const draftOf = (sessionId: string | undefined): string => recall(keyOf(sessionId));

export const keepDraft = (sessionId: string | undefined, text: string): void => store(keyOf(sessionId), text);
