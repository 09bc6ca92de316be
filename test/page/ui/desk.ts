import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Locator, Page } from 'playwright-core';
import { afterAll, expect, onTestFinished, type TestContext } from 'vitest';
import type { Inputs, Outputs } from '../../../src/client/types.ts';
import type { Append } from '../../../src/core/contracts/ports.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import { browserOfProcess } from '../../support/clients/browser.ts';
import { onFailureTell } from '../../support/runner/on-failure.ts';
import { endSandboxes } from '../../support/sandboxes/ended-sandboxes.ts';
import { needs } from '../../support/servers/components.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

// One server for all tests of a file, and one browser for all files of a process. Each test has a browser profile of its own.

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Each rule that the page breaks, with the elements; `rule`: only that one. */
export async function axeFinds(page: Page, rule?: string): Promise<string[]> {
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(axe);
  const only = rule === undefined ? '{}' : JSON.stringify({ runOnly: [rule] });
  return await page.evaluate(`axe.run(document, ${only}).then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 160)).join(' | ')))`);
}

/**
 * The page as a screen reader gets it, from Chromium's own accessibility tree: each node of these roles with its name, or
 * with its text where it has none.
 */
export async function spoken(page: Page, roles: readonly string[]): Promise<string[]> {
  const devTools = await page.context().newCDPSession(page);
  const { nodes } = await devTools.send('Accessibility.getFullAXTree');
  await devTools.detach();
  const byId = new Map(nodes.map((node) => [node.nodeId, node]));
  type Node = (typeof nodes)[number];
  const inside = ({ childIds = [] }: Node): Node[] =>
    childIds.flatMap((id) => byId.get(id) ?? []).flatMap((child) => [child, ...inside(child)]);
  const textOf = (node: Node): string =>
    inside(node)
      .flatMap(({ role, name }) => (role?.value === 'StaticText' ? [String(name?.value)] : []))
      .join(' ');
  const [root] = nodes;
  return (root ? inside(root) : [])
    .filter(({ ignored, role }) => !ignored && roles.includes(String(role?.value)))
    .map((node) => `${node.role?.value}: ${node.name?.value || textOf(node)}`);
}

/** The seconds for which the page's own thread has worked since it was opened: scripts, styles and layout. */
export async function busySeconds(page: Page): Promise<number> {
  const devTools = await page.context().newCDPSession(page);
  await devTools.send('Performance.enable');
  const { metrics } = await devTools.send('Performance.getMetrics');
  await devTools.detach();
  const of = (name: string) => metrics.find((one) => one.name === name)?.value ?? 0;
  return of('ScriptDuration') + of('LayoutDuration') + of('RecalcStyleDuration');
}

const aboutPolicy = /Content Security Policy|Trusted(HTML|Script)/;

/** Scrolls the element to this place, or to its end. */
export const scrollTo = (at: Locator, top = 1e9): Promise<void> =>
  at.evaluate((node, to) => {
    (node as unknown as { scrollTop: number }).scrollTop = to;
  }, top);

export const wide = { width: 1440, height: 900, dark: false };
export const middle = { width: 1024, height: 768, dark: true };
export const phone = { width: 390, height: 844, dark: true };

type Size = typeof wide & { readonly hasTouch?: boolean };
type Fact = Append['facts'][number];
type Path = { [Name in keyof Outputs & string]: `${Name}.${keyof Outputs[Name] & string}` }[keyof Outputs & string];

/** `settings` of the server that all tests share. */
export function desk(settings: Record<string, string> = {}) {
  let server: Promise<ComposedServer> | undefined;
  const folder = temporaryFolder(); // outlives the server, because it names the sandboxes that the server leaves
  afterAll(async () => {
    using _removed = folder;
    const running = await server;
    await running?.[Symbol.asyncDispose]();
    if (running) await endSandboxes(folder.path);
  });
  const open = () => {
    server ??= composedServer(settings, folder.path);
    return server;
  };
  /** Calls a procedure over HTTP. */
  async function call<Data = { id: string }>(path: Path, input: object): Promise<Data> {
    const headers = { 'content-type': 'application/json' };
    const { url } = await open();
    const answer = await fetch(`${url}/trpc/${path}`, { method: 'POST', headers, body: JSON.stringify(input) });
    const said = (await answer.json()) as { result?: { data: Data }; error?: object };
    if (!said.result) throw new Error(JSON.stringify(said.error));
    return said.result.data;
  }
  /** Writes to the log what a part of the server reports. The session's own work writes too, so the append is tried again. */
  async function tellAll(id: string, facts: readonly Fact[]): Promise<void> {
    const { events } = (await open()).core.store;
    const sessionId = SessionId.parse(id);
    await expect
      .poll(async () => {
        const { head } = await events.page(sessionId, 0, 1);
        return await events.append({ sessionId, after: head, at: Date.now(), facts }).then(() => 'done', String);
      })
      .toBe('done');
  }
  return {
    server: open,
    call,
    /** A session that has worked on a task. */
    async worked(task: string, wish: NonNullable<Inputs['sessions']['create']> = {}): Promise<string> {
      const { id } = await call('sessions.create', wish);
      await call('runs.send', { sessionId: id, text: task });
      return id;
    },
    tell: (id: string, fact: Fact): Promise<void> => tellAll(id, [fact]),
    tellAll,
    /**
     * `complaints` are all errors and warnings in the console. `faults` are only exceptions that nothing caught and what the
     * page's policy refused: on a busy machine a browser also reports requests that a reload has cut off.
     */
    async page(context: TestContext, path = '/', { width, height, dark, hasTouch = false }: Size = wide) {
      await needs(context, 'chromium');
      const { url } = await open();
      const browser = await browserOfProcess();
      const profile = await browser.newContext({
        reducedMotion: 'reduce', // a spinner that turns keeps a processor busy
        viewport: { width, height },
        colorScheme: dark ? ('dark' as const) : ('light' as const),
        hasTouch,
        isMobile: hasTouch,
        baseURL: url,
        permissions: ['clipboard-read', 'clipboard-write'],
      });
      onTestFinished(() => profile.close());
      const page = await profile.newPage();
      page.setDefaultTimeout(60_000); // a loaded machine with a slow disk is common
      const complaints: string[] = [];
      const faults: string[] = [];
      page.on('console', (message) => {
        if (message.type() !== 'error' && message.type() !== 'warning') return;
        complaints.push(message.text());
        if (aboutPolicy.test(message.text())) faults.push(message.text());
      });
      page.on('pageerror', (error) => {
        complaints.push(String(error));
        faults.push(error.stack ?? String(error));
      });
      onFailureTell(
        'the page',
        async () => `${page.url()}\n${await page.evaluate('document.body.innerText')}\n${complaints.join('\n')}`,
      );
      await page.goto(path);
      return { page, complaints, faults };
    },
  };
}
