import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { toProviderErrorTurn, toUnreachableTurn } from '../../../../src/agents/models/failures.ts';
import { MissingKeyError } from '../../../../src/agents/models/registry.ts';
import { toolDescriptions } from '../../../../src/agents/tools/list.ts';
import { readTemplates } from '../../../../src/app/parts/read-templates.ts';
import { changeableSettings } from '../../../../src/app/settings/live-config.ts';
import { TemplateAvailabilityChecker } from '../../../../src/app/start/runnable-templates.ts';
import { parseCronRule } from '../../../../src/automations/schedule.ts';
import { listForms } from '../../../../src/config/kinds.ts';
import { errorCodes, toAppError } from '../../../../src/core/errors/errors.ts';
import { eventTraits } from '../../../../src/core/model/event-traits.ts';
import { describeUntrustedSources, UntrustedSource } from '../../../../src/core/text/strangers.ts';
import { egressPolicies } from '../../../../src/sandboxes/egress/policies/list.ts';
import { de, serverTranslator } from '../../../../src/web/text/de/all.ts';
import { errorTexts } from '../../../../src/web/text/de/words/errors.ts';
import { serverPhrases } from '../../../../src/web/text/de/words/phrases.ts';

const german: Readonly<Record<string, string>> = de;
const known = (text: string) => Object.hasOwn(serverPhrases, text);

test('every code of an error has a German sentence, and the server’s own words stand behind it', () => {
  expect(Object.keys(errorTexts).sort()).toEqual([...errorCodes].sort());
  expect(serverTranslator.error('conflict', 'A run is in progress.')).toBe(
    'Das ist im aktuellen Zustand nicht möglich. Meldung des Servers: „A run is in progress.“',
  );
  expect(serverTranslator.error('internal', 'Internal server error')).toBe(errorTexts.internal);
  expect(serverTranslator.error('of_a_newer_server' as never, 'No $& here.')).toBe('No $& here.');
  expect(serverTranslator.error('conflict', 'Costs $1.')).toContain('„Costs $1.“');
});

test('every setting that people change, its section and its unit have German texts', () => {
  const missing = changeableSettings.flatMap(({ key, change }) => {
    if (!change) return [];
    const { section, form } = change;
    const unit = 'unit' in form && form.unit !== 'count' ? [`server.unit.${form.unit}`] : [];
    return [`setting.${key}`, `server.part.${section}`, `server.effect.${section}`, ...unit].filter(
      (text) => german[text] === undefined,
    );
  });
  expect(missing).toEqual([]);
  expect(Object.keys(eventTraits).filter((type) => german[`event.${type}`] === undefined)).toEqual([]);
});

const templates = readTemplates({ template: undefined, models: { compatible: {} } } as never);
const tableTexts = [
  ...toolDescriptions.map(({ label }) => label),
  ...templates.flatMap(({ template: { label, description } }) => [label, description]),
  ...Object.values(egressPolicies).map(({ label }) => label),
];

test('every label of a tool, a template and an egress policy has a German text', () => {
  expect(templates.length).toBeGreaterThan(10);
  expect(tableTexts.filter((text) => text !== undefined && !known(text))).toEqual([]);
});

test('the reason for which a template cannot run here is German, with the names in it', async () => {
  const unavailable = (state: 'none' | 'building' | 'failed', detail?: string) =>
    new TemplateAvailabilityChecker({
      driver: 'process',
      missingImageOf: () => undefined,
      desktopFor: () => ({ state, ...(detail !== undefined && { detail, seconds: 9 }) }),
    } as never).whyNot({ name: 'computer_use', tools: { computer: 'auto' } } as never);
  for (const [state, detail] of [['none'], ['building'], ['building', 'step 3'], ['failed', 'no space']] as const) {
    const { reason = '', remedy = '' } = (await unavailable(state, detail)) ?? {};
    expect(serverTranslator.phrase(reason), reason).toMatch(/^Die Vorlage computer_use braucht einen Desktop/);
    if (detail !== undefined) expect(serverTranslator.phrase(reason)).toContain(detail);
    expect(known(remedy), remedy).toBe(true);
  }
  const image = new TemplateAvailabilityChecker({ driver: 'process', missingImageOf: () => 'python:3.13' } as never);
  const { reason = '', remedy = '' } = (await image.whyNot({ name: 'claude-code', tools: {} } as never)) ?? {};
  expect(serverTranslator.phrase(reason)).toMatch(
    /^Die Vorlage claude-code braucht das Image python:3.13, aber der Treiber process/,
  );
  expect(known(remedy), remedy).toBe(true);
  const keyless = new TemplateAvailabilityChecker({
    missingImageOf: () => undefined,
    checkServices: () => {},
    secretVariables: async () => new Set(),
  } as never);
  const why = await keyless.whyNot({ label: 'Codex', agent: { keys: ['A_KEY', 'B_KEY'] }, tools: {} } as never);
  expect(serverTranslator.phrase(why?.reason ?? '')).toBe(
    'Codex braucht einen Schlüssel, aber kein Geheimnis setzt A_KEY / B_KEY.',
  );
  expect(known(why?.remedy ?? '')).toBe(true);
});

test('the reason for which a person has to approve names each source in German', () => {
  const german = serverTranslator.phrase(describeUntrustedSources(UntrustedSource.options));
  expect(german).toMatch(/^Der Agent hat gelesen: Webseiten oder Suchergebnisse, Ergebnisse eines/);
  expect(german).not.toMatch(/\b(the|of|session|files)\b/);
});

const advice = { key: 'OPENAI_API_KEY', baseUrl: 'models.openai.base-url' };

test.each([
  [401, 'Bad key', 'openai/x antwortete mit 401: „Bad key.“ Setzen Sie OPENAI_API_KEY auf einen Schlüssel'],
  [401, '', 'openai/x antwortete mit 401. Setzen Sie OPENAI_API_KEY auf einen Schlüssel'],
  [402, 'Pay: now', 'openai/x antwortete mit 402: „Pay: now.“ Das Kontingent beim Anbieter ist verbraucht'],
  [404, 'No such $&', 'openai/x antwortete mit 404: „No such $&.“ Prüfen Sie den Namen'],
  [413, 'Too long', 'openai/x antwortete mit 413: „Too long.“ Das Gespräch ist zu lang'],
  [
    400,
    'Content policy',
    'openai/x antwortete mit 400: „Content policy.“ Die Regeln des Anbieters erlauben diesen Inhalt nicht',
  ],
  [503, 'Busy!', 'openai/x antwortete mit 503: „Busy!“'],
  [503, '', 'openai/x antwortete mit 503.'],
] as const)('the refusal %i %j of a provider is German, with the provider’s words quoted', (status, text, german) => {
  const reply = serverTranslator.failure(toProviderErrorTurn({ status, text }, 'openai/x', advice).message);
  expect(reply).toMatch(new RegExp(`^${german.replace(/[.$&|()]/g, '\\$&')}`));
  expect(reply).not.toMatch(/\b(the|that|may|Set|Check)\b/);
});

test('failures of a model that ends no run at once are German, and unknown words are quoted', () => {
  expect(serverTranslator.failure(toUnreachableTurn('openai/x', advice).message)).toBe(
    'openai/x ist nicht erreichbar oder hat die Antwort abgebrochen. Prüfen Sie das Netzwerk und models.openai.base-url.',
  );
  expect(serverTranslator.failure(new MissingKeyError('openai/x', 'OPENAI_API_KEY').publicMessage)).toMatch(
    /^Das Modell openai[/]x braucht einen Schlüssel: Setzen Sie OPENAI_API_KEY/,
  );
  expect(serverTranslator.failure(toAppError(new Error('hidden')).publicMessage)).toBe(
    'Auf dem Server ist ein Fehler aufgetreten.',
  );
  expect(serverTranslator.failure('The disk is on fire.')).toBe('Meldung des Servers: „The disk is on fire.“');
});

test('a phrase with values keeps them, whatever they contain, and other texts stay as they are', () => {
  expect(serverTranslator.phrase('Pushed abc to $1 of a(b)+c.')).toBe('abc wurde nach $1 von a(b)+c gepusht.');
  expect(serverTranslator.phrase('Something else entirely.')).toBe('Something else entirely.');
  const long = `Pushed ${'x'.repeat(100_000)} to a of b.`;
  expect(serverTranslator.phrase(long)).toBe(long);
});

test('what a setting accepts is said in German', () => {
  const english = changeableSettings.map(({ accepts }) => `Expected ${accepts.replace(listForms, '')}.`);
  expect(english.filter((text) => serverTranslator.phrase(text) === text)).toEqual([]);
});

test.each([
  ['0 9', '@daily', '0 0 9 * * 1', '0 ? * * *', '0 9 * * 1#2', '0 9 l * *', '0 9 1w * *', 'h 9 * * *', '~ 9 * * *'],
  ['*/0 9 * * *', '0/5 9 * * *', '1-2-3 9 * * *', '0 17-9 * * *', '0 9 * foo *', '0 9 x! * *', '60 9 * * *', '9'],
])('a mistake in a schedule is explained in German', (...schedules) => {
  for (const cron of schedules) {
    let english = '';
    try {
      parseCronRule({ cron, timezone: 'UTC' });
    } catch (thrown) {
      english = toAppError(thrown).publicMessage;
    }
    const german = serverTranslator.phrase(english);
    expect(german).toMatch(/^Der Zeitplan „.*“ (hat|enthält) .*[.] Geben Sie fünf Felder an/);
    expect(german).not.toMatch(/\b(has|the|which|day|month|minute|hour)\b/);
  }
});

const filesWithSentencesOfThePage = [
  'src/auth/api-keys.ts',
  'src/automations/{programs,records,schedule,service}.ts',
  'src/automations/webhooks/{deliverer,records}.ts',
  'src/sessions/{attempts/attempt-rounds,desktop/desktop,projects/credentials,shares/shares}.ts',
  'src/sessions/{repositories,tool-servers}/{checkpoint,entered,fetch,git,prepar,repositor}*.ts',
  'src/sessions/skills/{records,session-skills,skill-files}.ts',
];
const sentence =
  /(?:new AppError\(\s*'\w+',|\b(?:refuse|refused)\(|\btext\s*[=:])\s*(?:'((?:[^'\\\n]|\\.)+)'|`([^`]+)`)/g;

test.each(globSync(filesWithSentencesOfThePage))('the sentences of %s have a German text', (path) => {
  const source = readFileSync(path, 'utf8').replace(/['`] \+\s*['`]/g, '');
  const english = [...source.matchAll(sentence)]
    .map(([, plain, template]) => (plain ?? template ?? '').replace(/\$\{[^}]*\}/g, 'x').replace(/\\(['`])/g, '$1'))
    .filter((text) => /^(?:[A-Z.']|x\b).* .*\.$/.test(text));
  expect(english.filter((text) => serverTranslator.phrase(text) === text)).toEqual([]);
});

/** Sentences that are in no table of the server: its source has them exactly like this. */
test('no phrase is left over from words that the server no longer says', () => {
  const ours = globSync('{src,drivers,machines,sandbox-images}/**/*.ts').filter((path) => !path.startsWith('src/web/'));
  const sources = ours.map((path) => readFileSync(path, 'utf8').replaceAll('\\`', '`'));
  const left = Object.keys(serverPhrases).filter((text) => {
    if (tableTexts.includes(text) || /^(The template|Expected) /.test(text)) return false;
    const clauses = text.split(/\{\w+\}|[.,;:] /).map((clause) => clause.replace(/^[.,;: ]+|[.,;: ]+$/g, ''));
    const pieces = [...text.split(/\{\w+\}/), ...clauses].filter((piece) => piece.length > 6 || piece === text);
    return !pieces.some((piece) => sources.some((source) => source.includes(piece)));
  });
  expect(left).toEqual([]);
});
