import { createContext } from 'preact';

/** Whether the items show a session as it is now. False in a replay and in a shared session: then nothing moves or acts. */
export const Live = createContext(false);
