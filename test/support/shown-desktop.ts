import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, type TestContext } from 'vitest';
import { SessionId } from '../../src/core/ids.ts';
import { needs } from './components.ts';
import { type TestServer, testServer } from './http.ts';
import { type TestDesktop, testDesktop } from './xvnc.ts';

const run = promisify(execFile);

/** A server, and a real Xvnc as the screen of its sandboxes, for all the tests of a file. No two files have the same display. */
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
    /** A program on the display; what it printed. */
    command,
    paint: (color: string) => command('xsetroot', '-solid', color),
    /** A new session, and where its screen is watched. */
    async session(context: TestContext) {
      await needs(context, 'xvnc');
      const id = SessionId.parse(await server.newSession());
      const path = `/api/v1/sessions/${id}/vnc`;
      return { id, path, url: (query = '') => `${server.url.replace('http', 'ws')}${path}${query}` };
    },
  };
}
