import { app } from './app.ts';
import { automations } from './automations.ts';
import { conversation } from './conversation.ts';
import { delegation } from './delegation.ts';
import { events } from './events.ts';
import { models } from './models.ts';
import { preview } from './preview.ts';
import { secrets } from './secrets.ts';
import { server } from './server.ts';
import { sessions } from './sessions.ts';
import { settings } from './settings.ts';
import { sharing } from './sharing.ts';
import { ship } from './ship.ts';
import { work } from './work.ts';

export const en = {
  ...app,
  ...conversation,
  ...sessions,
  ...settings,
  ...server,
  ...secrets,
  ...models,
  ...events,
  ...automations,
  ...delegation,
  ...work,
  ...sharing,
  ...preview,
  ...ship,
} as const;
