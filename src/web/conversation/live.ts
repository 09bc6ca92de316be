import { createContext } from 'preact';

/** False in a replay and in a shared session: nothing is animated, and users cannot decide approvals, retry or edit. */
export const LiveContext = createContext(false);
