import { AsyncLocalStorage } from 'node:async_hooks';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('../../..', import.meta.url));
const chosen = new AsyncLocalStorage<string>();

/** The checkout whose programs and server are started: this one, unless `inTree` chose another. */
export const tree = (): string => chosen.getStore() ?? here;

/** Runs the act so that every program that it starts is the one of another checkout. */
export const inTree = <Value>(folder: string, act: () => Value): Value => chosen.run(folder, act);
