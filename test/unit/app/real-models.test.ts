import { expect, test } from 'vitest';
import type { Capabilities } from '../../../drivers/driver.ts';
import { RealModelGuard } from '../../../src/app/parts/real-models.ts';

const walls = (some: Partial<Capabilities> = {}) => ({
  capabilities: {
    isolation: 'container',
    egress: 'enforced',
    limits: [],
    desktop: false,
    pause: 'files',
    ...some,
  } as const,
});
const none = walls({ isolation: 'none', egress: 'open' });

function server(driver: ReturnType<typeof walls>, unconfined = false, model = 'demo') {
  const models = new RealModelGuard({ model, unconfined });
  models.bindDriver(driver);
  return models;
}

test.each(['gemini/x', 'openai/gpt-5', 'local/qwen3', 'demonstration/x'])(
  'without isolation the server refuses %s and names the setting that accepts it',
  (ref) =>
    expect(() => server(none).check(ref)).toThrow(/invalid_request: .*without any isolation.*CORRAL_UNCONFINED=1/),
);

test.each([
  ['without isolation the server uses the demo model', none, false, 'demo'],
  ['an operator who accepts it can use every model without isolation', none, true, 'gemini/x'],
  ['with isolation the server uses every model', walls(), false, 'gemini/x'],
])('%s', (_, driver, unconfined, ref) => expect(() => server(driver, unconfined).check(ref)).not.toThrow());

test('a driver that learns late that its sandboxes are open has real models refused from then on', () => {
  let egress: Capabilities['egress'] = 'enforced';
  const late = {
    capabilities: {
      ...walls().capabilities,
      get egress() {
        return egress;
      },
    },
  };
  const models = new RealModelGuard({ model: 'demo', unconfined: false });
  models.bindDriver(late);
  expect(models.unenforced()).toBe('accept');
  egress = 'open';
  expect(() => models.check('gemini/x')).toThrow(/reach the whole network.*CORRAL_UNCONFINED=1/);
  expect(models.unenforced()).toBe('accept');
});

test('once a real model is in use, open sandboxes are no longer accepted', () => {
  const models = server(walls());
  models.check('gemini/x');
  expect([models.unenforced(), server(walls(), false, 'gemini/x').unenforced()]).toEqual(['refuse', 'refuse']);
  expect(server(walls(), true, 'gemini/x').unenforced()).toBe('accept');
});
