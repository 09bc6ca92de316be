import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Locator, Page } from 'playwright-core';
import { test as base, expect, type TestContext } from 'vitest';
import type { Inputs, Outputs } from '../../../src/client/types.ts';
import type { AppendRequest } from '../../../src/core/contracts/ports.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import { type BrowserVisit, browse } from '../../support/clients/browser.ts';
import { endSandboxes } from '../../support/sandboxes/ended-sandboxes.ts';
import { needs } from '../../support/servers/components.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';
import { freePort } from '../../support/servers/free-port.ts';
import { identityProvider } from '../../support/servers/identity-provider.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Each accessibility rule that the page breaks, with the elements; `rule`: only this rule. */
export async function axeFinds(page: Page, rule?: string): Promise<string[]> {
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(axe);
  // Selectors of what passes take axe most of its time.
  const options = { resultTypes: ['violations'], selectors: false, ...(rule !== undefined && { runOnly: [rule] }) };
  return await page.evaluate(`axe.run(document, ${JSON.stringify(options)}).then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 160)).join(' | ')))`);
}

/** Scrolls the element to this place, or to its end. */
export const scrollTo = (at: Locator, top = 1e9): Promise<void> =>
  at.evaluate((node, to) => {
    (node as unknown as { scrollTop: number }).scrollTop = to;
  }, top);

/** Replaces a field's text as a person does, key by key. */
export async function typeInto(field: Locator, text: string): Promise<void> {
  await field.press('ControlOrMeta+a');
  await field.press('Delete');
  for (const [at, line] of text.split('\n').entries()) {
    if (at > 0) await field.press('Shift+Enter');
    await field.pressSequentially(line);
  }
}

/** Opens a section of the settings. A phone has a list of sections in place of a column. */
export async function openSettings(page: Page, section: string): Promise<Locator> {
  await page.keyboard.press('Control+,');
  const dialog = page.getByRole('dialog', { name: 'Settings' });
  if ((page.viewportSize()?.width ?? 0) > 860) await dialog.getByRole('button', { name: section, exact: true }).click();
  else await dialog.getByRole('combobox', { name: 'Settings' }).selectOption(section);
  return dialog;
}
export async function runCommand(page: Page, name: string): Promise<void> {
  await page.keyboard.press('Control+k');
  await typeInto(page.getByRole('combobox', { name: 'Command palette' }), name);
  await page.keyboard.press('Enter');
}

/** A PNG of 5 by 5 pixels. */
export const redDot = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==',
  'base64',
);

export function skillOf(name: string) {
  const text = `---\nname: ${name}\ndescription: How texts are written.\n---\nBe short.\n`;
  return { files: [{ path: `${name}/SKILL.md`, content: Buffer.from(text).toString('base64') }] };
}

export const wide = { width: 1440, height: 900, dark: false };
export const middle = { width: 1024, height: 768, dark: true };
export const phone = { width: 390, height: 844, dark: true };

type Size = typeof wide & { readonly hasTouch?: boolean };
type Fact = AppendRequest['facts'][number];
type Path = { [Name in keyof Outputs & string]: `${Name}.${keyof Outputs[Name] & string}` }[keyof Outputs & string];

type Settings = Readonly<Record<string, string>>;
type PendingServer = Promise<ComposedServer>;

/** A worker's servers, one for each set of settings that its files request. */
// biome-ignore lint/correctness/noEmptyPattern: Vitest parses the parameter
const withServers = base.extend('servers', { scope: 'worker' }, ({}, { onCleanup }) => {
  const stack = new AsyncDisposableStack();
  const byText = new Map<string, PendingServer>();
  onCleanup(() => stack.disposeAsync());
  const start = async (settings: Settings): PendingServer => {
    const folder = stack.use(temporaryFolder()); // outlives the server, because it names the sandboxes that the server leaves
    if (settings.CORRAL_DRIVER) stack.defer(() => endSandboxes(folder.path)); // the memory driver leaves none
    return stack.use(await composedServer({ ...settings }, folder.path));
  };
  return (settings: Settings): PendingServer => {
    const text = JSON.stringify(settings);
    const server = byText.get(text) ?? start(settings);
    byText.set(text, server);
    return server;
  };
});

const token = 'the-token-of-the-page-tests';
const neededBy: Readonly<Record<string, 'bubblewrap' | 'docker'>> = { process: 'bubblewrap', docker: 'docker' };

/**
 * `test` with a desk: a server that tests with the same settings share, where each test is its own owner. `nobody` has
 * no key, and the server requires none.
 */
export const deskTest = (settings: Settings = {}, role: 'user' | 'admin' | 'nobody' = 'user') =>
  withServers.extend('desk', async ({ servers, skip }) => {
    await needs({ skip }, 'chromium');
    const component = neededBy[settings.CORRAL_DRIVER ?? ''];
    if (component) await needs({ skip }, component);
    const isNobody = role === 'nobody';
    const server = await servers(isNobody ? settings : { CORRAL_TOKEN: token, ...settings });
    const made = isNobody ? undefined : await server.core.keys.create({ name: role, role });
    return new Desk({ skip }, server, made);
  });

/** A server at which people sign in with a provider of its own, `Example`. */
export async function signInServer(stack: AsyncDisposableStack, roles: string, folder?: string) {
  const url = `http://127.0.0.1:${await freePort()}`;
  const provider = stack.use(await identityProvider(`${url}/sign-in/main/callback`));
  const settings = {
    PORT: new URL(url).port,
    CORRAL_OIDC_ISSUER: provider.issuer,
    CORRAL_OIDC_NAME: 'Example',
    CORRAL_OIDC_CLIENT_ID: 'corral',
    CORRAL_OIDC_CLIENT_SECRET: 'the-secret-of-corral',
    CORRAL_OIDC_SCOPES: 'openid,profile,email,groups',
    CORRAL_OIDC_ROLES: roles,
    CORRAL_OIDC_CHECK_SECONDS: '1',
  };
  return { provider, server: stack.use(await composedServer(settings, folder)) };
}

export class Desk {
  readonly server: ComposedServer;
  readonly owner: string;
  readonly #key: string | undefined;
  readonly #test: Pick<TestContext, 'skip'>;
  constructor(test: Pick<TestContext, 'skip'>, server: ComposedServer, key?: { key: string; view: { owner: string } }) {
    this.#test = test;
    this.server = server;
    this.owner = key?.view.owner ?? '';
    this.#key = key?.key;
  }
  /** A request to the server as this test's owner. */
  fetch(path: string, { headers, ...init }: RequestInit = {}): Promise<Response> {
    const authorization = this.#key === undefined ? {} : { authorization: `Bearer ${this.#key}` };
    return fetch(new URL(path, this.server.url), { ...init, headers: { ...authorization, ...headers } });
  }
  /** Calls a procedure over HTTP. */
  async call<Data = { id: string }>(path: Path, input: object): Promise<Data> {
    const headers = { 'content-type': 'application/json' };
    const answer = await this.fetch(`/trpc/${path}`, { method: 'POST', headers, body: JSON.stringify(input) });
    const reply = (await answer.json()) as { result?: { data: Data }; error?: object };
    if (!reply.result) throw new Error(JSON.stringify(reply.error));
    return reply.result.data;
  }
  /** A session that has worked on a task. */
  async worked(task: string, options: NonNullable<Inputs['sessions']['create']> = {}): Promise<string> {
    const { id } = await this.call('sessions.create', options);
    await this.call('runs.send', { sessionId: id, text: task });
    return id;
  }
  /**
   * Writes an event to the log as a part of the server would. The session's own work writes too, so the append is
   * retried.
   */
  async tell(id: string, ...facts: readonly Fact[]): Promise<void> {
    const { events } = this.server.core.store;
    const sessionId = SessionId.parse(id);
    await expect
      .poll(async () => {
        const { head } = await events.page(sessionId, 0, 1);
        return await events.append({ sessionId, after: head, at: Date.now(), facts }).then(() => 'done', String);
      })
      .toBe('done');
  }
  /** A page with a profile of its own, signed in as this test's owner. */
  async open(path = '/', size: Size = wide): Promise<BrowserVisit> {
    const visit = await browse(this.#test, size, { url: this.server.url, token: this.#key });
    await visit.page.goto(path);
    return visit;
  }
}
