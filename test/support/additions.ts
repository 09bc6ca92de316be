export type Edit = readonly [before: string, after: string];
/** A sample of something pluggable: new files, and edits of existing ones as text and its replacement. */
export interface Addition {
  readonly files: Readonly<Record<string, string>>;
  readonly edits: Readonly<Record<string, Edit | readonly Edit[]>>;
  /** The pages of the reference that `npm run check` then writes again. */
  readonly generated?: readonly string[];
}

const tool: Addition = {
  files: {
    'src/agents/tools/sample.ts': `
import { z } from 'zod';
import { defineTool } from './tool.ts';

export const sampleCount = defineTool({
  name: 'sample_count',
  family: 'sample',
  group: 'search',
  label: 'Count',
  description: 'Count the characters of a text.',
  parameters: z.object({ text: z.string() }),
  needs: [],
  run: async (_ctx, { text }) => ({ ok: true, output: String(text.length) }),
});
`,
  },
  edits: {
    'src/agents/tools/list.ts': [
      'export const builtInTools: readonly Tool[] = [',
      "import { sampleCount } from './sample.ts';\nexport const builtInTools: readonly Tool[] = [sampleCount,",
    ],
  },
};

const driver: Addition = {
  files: {
    'drivers/sample/descriptor.ts': `
import { z } from 'zod';
import { text } from '../../src/config/kinds.ts';
import { optional } from '../../src/config/setting.ts';
import { AppError } from '../../src/core/errors/errors.ts';
import { describeDriver } from '../descriptor.ts';

export const sample = describeDriver({
  label: 'a driver of this test',
  settings: z.strictObject({ host: optional(text('a host'), 'where the sample answers') }),
  open: async ({ host }, { say }) => {
    say(\`asked at \${host?.toUpperCase()}\`);
    throw new AppError('driver_unavailable', 'The sample starts nothing.');
  },
});
`,
  },
  edits: {
    'drivers/list.ts': [
      'export const drivers = { docker,',
      "import { sample } from './sample/descriptor.ts';\nexport const drivers = { sample, docker,",
    ],
    'corral.example.yaml': ['\nkubernetes:\n', '\nsample:\n  # where the sample answers\n  host:\nkubernetes:\n'],
  },
  generated: ['docs/reference/settings.md'],
};

const policy: Addition = {
  files: {
    'src/sandboxes/egress/policies/sample.ts': `
import { type PolicyDescriptor, refuseTarget } from '../policy.ts';

export const sample: PolicyDescriptor = {
  label: 'one host of this test',
  strict: true,
  decide: ({ target }) =>
    target.host === 'sample.example.test'
      ? { allowed: true, rule: 'sample' }
      : refuseTarget('not listed', 'another host', 'Ask the operator.'),
};
`,
  },
  edits: {
    'src/sandboxes/egress/policies/list.ts': [
      'export const policies = { none,',
      "import { sample } from './sample.ts';\nexport const policies = { sample, none,",
    ],
    'helm/values.schema.json': ['"enum": ["none", "registries"', '"enum": ["sample", "none", "registries"'],
    'docs/egress.md': ['| `none` | nothing |\n', '| `sample` | one host of this test |\n| `none` | nothing |\n'],
  },
  generated: ['docs/reference/settings.md'],
};

const provider: Addition = {
  files: {
    'src/agents/models/sample/provider.ts': `
import type { Provider } from '../provider.ts';

export const sampleProvider = {
  name: 'sample',
  label: 'Sample',
  models: [{ id: 'small', name: 'Small' }],
  access: {
    keyVariables: ['SAMPLE_API_KEY'],
    baseUrl: 'https://sample.example.test',
    keyCheck: { path: '/models', headers: (key) => ({ authorization: key }) },
  },
  abilities: () => ({ window: 8_192 }),
  build: async () => (await import('../demo/demo.ts')).demoModel(),
} as const satisfies Provider;
`,
  },
  edits: {
    'src/agents/models/providers.ts': [
      'export const providers = [',
      "import { sampleProvider } from './sample/provider.ts';\nexport const providers = [sampleProvider, ",
    ],
    'corral.example.yaml': ['\nmodels:\n', '\nmodels:\n  sample:\n    # key for Sample\n    api-key:\n'],
  },
  generated: ['docs/reference/settings.md'],
};

const facade: Addition = {
  files: {
    'src/facades/sample/descriptor.ts': `
import { z } from 'zod';
import { text } from '../../config/kinds.ts';
import { setting } from '../../config/setting.ts';
import { describeFacade } from '../shared/facade.ts';

export const sampleFacade = describeFacade({
  label: 'Sample',
  audience: 'clients of this test',
  tag: 'Sample',
  paths: ['/sample'],
  documents: '',
  settings: z.strictObject({ greeting: setting(text('a word'), 'hello', 'how the sample facade greets') }),
  routes: async ({ version }, { greeting }) => [(await import('./routes.ts')).sampleRoutes(greeting, version)],
});
`,
    'src/facades/sample/routes.ts': `
import { z } from 'zod';
import { detailFailures } from '../../http/errors/failure-docs.ts';
import { describing, ok } from '../../http/routes/route-docs.ts';
import type { FacadeRoutes } from '../../http/routes/routes.ts';

const about = describing({ tag: 'Sample', prefix: 'sample', failures: detailFailures });
const Greeting = z.object({ text: z.string() });

export const sampleRoutes = (greeting: string, version: string): FacadeRoutes => ({
  mount(app) {
    const schema = { response: { 200: ok(Greeting, { text: 'hello' }) } };
    app.get('/sample', { schema, config: { doc: about('Greet', 'Greet') } }, async () => ({
      text: greeting.concat(' ', version),
    }));
  },
});
`,
  },
  edits: {
    'src/facades/list.ts': [
      'export const facadeDescriptors = {\n',
      "import { sampleFacade } from './sample/descriptor.ts';\nexport const facadeDescriptors = {\n  greeter: sampleFacade,\n",
    ],
    'corral.example.yaml': [
      '\nopencodex:\n',
      '\ngreeter:\n  # how the sample facade greets\n  greeting: hello\n\nopencodex:\n',
    ],
    'README.md': ['\n| server |', '\n| Sample | clients of this test | `/sample` | |\n| server |'],
  },
  generated: ['docs/reference/settings.md'],
};

const event: Addition = {
  files: {},
  edits: {
    'src/core/model/events.ts': [
      "  fact(\n    'egress',",
      "  fact('weather', z.object({ sky: z.string() })),\n  fact(\n    'egress',",
    ],
    'src/core/model/event-traits.ts': [
      '  egress: {',
      "  weather: { ...note, label: 'The weather changed', lane: 'sandbox', line: ({ sky }) => `The sky is ${sky}` },\n  egress: {",
    ],
  },
  generated: ['docs/reference/events.md'],
};

const setting: Addition = {
  files: {},
  edits: {
    'src/app/settings/schema.ts': [
      '  extraPorts: setting(',
      "  sampleWord: setting(text('a word'), 'none', 'a setting of this test'),\n  extraPorts: setting(",
    ],
    'corral.example.yaml': [
      '\n# further ports to listen on\n',
      '\n# a setting of this test\nsample-word: none\n# further ports to listen on\n',
    ],
  },
  generated: ['docs/reference/settings.md'],
};

const service: Addition = {
  files: {
    'src/sessions/api/notes.ts': `
import type { SessionId } from '../../core/model/ids.ts';
import type { ServiceRules } from './rules.ts';

export interface NoteService {
  read(id: SessionId): Promise<string>;
  write(id: SessionId, text: string): Promise<void>;
}

export const noteRules: ServiceRules<NoteService> = {
  read: { may: 'read', audit: 'look' },
  write: { may: 'work', audit: 'note.write' },
};
`,
    'src/sessions/services/notes.ts': `
import type { SessionId } from '../../core/model/ids.ts';
import type { NoteService } from '../api/notes.ts';

export function noteService(known: (id: SessionId) => Promise<unknown>): NoteService {
  const notes = new Map<SessionId, string>();
  return {
    async read(id) {
      await known(id);
      return notes.get(id) ?? '';
    },
    async write(id, text) {
      await known(id);
      notes.set(id, text);
    },
  };
}
`,
    'src/api/notes.ts': `
import { z } from 'zod';
import { procedure, router } from './procedure/procedure.ts';
import { Done, done, ofSession } from './procedure/schemas.ts';

export const notesRouter = router({
  read: procedure
    .input(ofSession)
    .output(z.string())
    .query(({ ctx, input }) => ctx.services.notes.read(input.sessionId)),
  write: procedure
    .input(ofSession.extend({ text: z.string().max(1_000) }))
    .output(Done)
    .mutation(async ({ ctx, input: { sessionId, text } }) => {
      await ctx.services.notes.write(sessionId, text);
      return done;
    }),
});
`,
  },
  edits: {
    'src/sessions/api/services.ts': [
      [
        'export interface Services {',
        "import { noteRules, type NoteService } from './notes.ts';\nexport interface Services {\n  readonly notes: NoteService;",
      ],
      ['> } = {\n', "> } = {\n  notes: { of: 'session', rules: noteRules },\n"],
    ],
    'src/app/start/services.ts': [
      [
        'export interface OpenServices ',
        "import { noteService } from '../../sessions/services/notes.ts';\nexport interface OpenServices ",
      ],
      ['    shares,\n', '    shares,\n    notes: noteService(known),\n'],
    ],
    'src/api/router.ts': [
      'export const appRouter = router({',
      "import { notesRouter } from './notes.ts';\nexport const appRouter = router({\n  notes: notesRouter,",
    ],
    'docs/audit.md': ['`session.note`', '`session.note`, `note.write`'],
    'test/core/facades/caller-rules.ts': [
      '    shares.create\n',
      '    shares.create\n    notes.read\n    notes.write\n',
    ],
    'test/core/facades/caller-inputs.ts': [
      "  'shares.revoke':",
      "  'notes.write': ({ sid }) => ({ sessionId: sid, text: 'a' }),\n  'shares.revoke':",
    ],
  },
};

type Kind = 'tool' | 'driver' | 'egress policy' | 'model provider' | 'facade' | 'event type' | 'setting' | 'service';
export const additions: Readonly<Record<Kind, Addition>> = {
  tool,
  driver,
  'egress policy': policy,
  'model provider': provider,
  facade,
  'event type': event,
  setting,
  service,
};
