import { freePort } from '../../test/support/free-port.ts';
import { freshFolder } from './folder.ts';
import { type RunningServer, startServer } from './server.ts';
import { cpuMsOf, freshDatabase } from './shared-store.ts';

export interface Member {
  readonly url: string;
  readonly pid: number;
  /** Sends SIGTERM, waits for the end, and starts the server again at its address. */
  restart(): Promise<void>;
  signal(name: NodeJS.Signals): void;
}
export interface ServerGroup extends AsyncDisposable {
  readonly members: readonly Member[];
  /** The address of their database. */
  readonly store: string;
  /** The processor time of all servers so far, in ms. A restart sets a server's to 0. */
  cpuMs(): number;
}

/** Real servers on one new database, each at an address that stays. */
export async function serverGroup(count: number, settings: Readonly<Record<string, string>>): Promise<ServerGroup> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await freshDatabase());
  const folder = stack.use(await freshFolder());
  const store = database.at(process.env.MONGODB_URL ?? '');
  const members: Member[] = [];
  for (let n = 0; n < count; n++) {
    const port = String(await freePort());
    const own = { ...settings, PORT: port, MONGODB_URL: store, CORRAL_DATA_DIR: `${folder.path}/${n}` };
    let server: RunningServer = await startServer(own);
    stack.defer(() => server[Symbol.asyncDispose]());
    members.push({
      url: server.url,
      get pid() {
        return server.pid;
      },
      async restart() {
        await server[Symbol.asyncDispose]();
        server = await startServer(own);
      },
      signal: (name) => process.kill(server.pid, name),
    });
  }
  const held = stack.move();
  return {
    members,
    store,
    cpuMs: () => members.reduce((sum, { pid }) => sum + cpuMsOf(pid), 0),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
