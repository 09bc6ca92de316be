import { addressOf, type ServerAddress } from '../../cli/server.ts';

/** The option of `parseArgs` for the server that a command asks. */
export const urlOption = { url: { type: 'string' } } as const;

/** The server of `--url`, of CORRAL_URL, or the local one that runs, with its token. Throws for what is no address. */
export const serverAddress = (given: string | undefined): ServerAddress => addressOf(given, process.env);
