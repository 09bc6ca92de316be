import type { SandboxClient } from '../../../src/sandboxes/client/client.ts';

/** The abilities of a client whose sandbox has neither processes nor a file system of its own. */
export const incapable = (
  cannot: () => Promise<never>,
): Pick<
  SandboxClient,
  'programs' | 'terminals' | 'jobs' | 'paths' | 'transfers' | 'workspace' | 'watches' | 'ports'
> => ({
  programs: { open: cannot, list: cannot, attach: cannot, signal: cannot, close: cannot },
  terminals: {
    open: cannot,
    list: cannot,
    read: cannot,
    write: cannot,
    keyboard: cannot,
    resize: cannot,
    close: cannot,
  },
  jobs: {
    start: cannot,
    list: cannot,
    attach: cannot,
    write: cannot,
    endInput: cannot,
    resize: cannot,
    signal: cannot,
  },
  paths: { stat: cannot, list: cannot, makeFolder: cannot, move: cannot, remove: cannot, open: cannot, write: cannot },
  transfers: { areSupported: async () => false, open: cannot, write: cannot },
  workspace: { keep: async () => false, print: async () => undefined },
  watches: { open: cannot, changes: cannot, follow: cannot, close: cannot },
  ports: { list: cannot, connect: cannot },
});
