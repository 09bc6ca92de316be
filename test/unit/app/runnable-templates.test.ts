import { expect, test } from 'vitest';
import { TemplateAvailabilityChecker } from '../../../src/app/start/runnable-templates.ts';
import type { DesktopAvailability } from '../../../src/sessions/api/desktop.ts';
import { templates } from '../../support/agents/templates.ts';

const here = (offer: DesktopAvailability, images: readonly string[] = [], secrets: readonly string[] = []) =>
  new TemplateAvailabilityChecker({
    driver: 'process',
    desktopFor: () => offer,
    missingImageOf: ({ template }) => (images.includes(template) ? 'corral/sandbox-agents' : undefined),
    checkServices: () => {},
    secretVariables: async () => new Set(secrets),
  });
const chosen = (template: string) => ({ template, templateBy: 'session', projectId: null }) as const;

test('a template whose image this driver cannot run says so before anyone starts it, and its session is refused alike', async () => {
  const runnable = here({ state: 'none' }, ['claude-code']);
  const template = templates.get('claude-code');
  expect(await runnable.whyNot(template)).toEqual({
    reason: expect.stringContaining('needs the image corral/sandbox-agents'),
    remedy: expect.stringContaining('CORRAL_DRIVER=docker'),
  });
  expect(() => runnable.checkNamed(template, chosen('claude-code'))).toThrow(/corral[/]sandbox-agents.*CORRAL_DRIVER/);
  expect(() => runnable.check(chosen('claude-code'))).toThrow(/corral[/]sandbox-agents/);
});

test.each<[DesktopAvailability, RegExp, RegExp]>([
  [{ state: 'none' }, /have none/, /CORRAL_SANDBOX_DESKTOP=true/],
  [{ state: 'building', detail: 'step 3', seconds: 9 }, /being built \(step 3, for 9 s\)/, /Try again/],
  [{ state: 'failed', detail: 'no space.' }, /could not be built: no space/, /will try again/],
])('a template with a desktop says what is missing (%o)', async (offer, reason, remedy) => {
  const runnable = here(offer);
  const template = templates.get('computer_use');
  const why = await runnable.whyNot(template);
  expect(why?.reason).toMatch(reason);
  expect(why?.remedy).toMatch(remedy);
  expect(() => runnable.checkNamed(template, chosen('computer_use'))).toThrow(reason);
  expect(await runnable.whyNot(templates.get('default'))).toBeUndefined();
});

test('with a desktop that is ready every template runs whose agent needs no key, or has one', async () => {
  const lacking = async (...secrets: string[]) => {
    const runnable = here({ state: 'ready' }, [], secrets);
    const found = await Promise.all(
      templates.list().map(async (one) => ({ name: one.name, why: await runnable.whyNot(one) })),
    );
    return found.filter(({ why }) => why).map(({ name }) => name);
  };
  expect((await lacking()).sort()).toEqual(['claude-code', 'codex', 'gemini-cli', 'opencode']);
  expect((await lacking('OPENAI_API_KEY')).sort()).toEqual(['claude-code', 'gemini-cli']);
  expect(() => here({ state: 'ready' }).checkNamed(templates.get('codex'), chosen('codex'))).not.toThrow();
});
