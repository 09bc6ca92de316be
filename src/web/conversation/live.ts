import { createContext } from 'preact';

/**
 * Whether the items show a session's current state. False in a replay and in a shared session, where nothing is animated and
 * people cannot decide, retry or edit.
 */
export const LiveContext = createContext(false);
