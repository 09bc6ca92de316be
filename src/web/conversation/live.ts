import { createContext } from 'preact';

/** False in replays and shared sessions. */
export const LiveContext = createContext(false);
