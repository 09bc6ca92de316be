import { createContext } from 'preact';

/** False in replays and shared sessions. Nothing is animated there, and users cannot approve, retry or edit. */
export const LiveContext = createContext(false);
