import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, type TestContext } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { type TestServer, testServer } from '../clients/http.ts';
import { needs } from '../servers/components.ts';
import { type TestDesktop, testDesktop } from './xvnc.ts';

const run = promisify(execFile);

/** A server whose sandboxes show a real Xvnc, for all tests of a file. Each file needs another display. */
export function shownDesktop(display: number) {
  let desktop: TestDesktop;
  let server: TestServer;
  beforeAll(async () => {
    desktop = await testDesktop(display);
    server = await testServer();
    server.others.desktop.client = desktop.client;
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await desktop?.[Symbol.asyncDispose]();
  });
  const command = async (name: string, ...args: string[]) => (await run(name, args, { env: desktop.env })).stdout;
  return {
    get desktop() {
      return desktop;
    },
    get server() {
      return server;
    },
    /** Runs a program on the display; resolves with its output. */
    command,
    paint: (color: string) => command('xsetroot', '-solid', color),
    /** A new session, and the address of its screen. */
    async session(context: TestContext) {
      await needs(context, 'xvnc');
      const id = SessionId.parse(await server.newSession());
      const path = `/api/v1/sessions/${id}/vnc`;
      return { id, path, url: (query = '') => `${server.url.replace('http', 'ws')}${path}${query}` };
    },
  };
}
