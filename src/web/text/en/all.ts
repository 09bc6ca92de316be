import { app } from './app.ts';
import { automations } from './automations.ts';
import { branches } from './branches.ts';
import { completion } from './completion.ts';
import { conversation } from './conversation.ts';
import { delegation } from './delegation.ts';
import { events } from './events.ts';
import { inbox } from './inbox.ts';
import { models } from './models.ts';
import { preview } from './preview.ts';
import { screen } from './screen.ts';
import { secrets } from './secrets.ts';
import { server } from './server.ts';
import { sessions } from './sessions.ts';
import { settings } from './settings.ts';
import { sharing } from './sharing.ts';
import { ship } from './ship.ts';
import { skills } from './skills.ts';
import { work } from './work.ts';

export const en = {
  ...app,
  ...conversation,
  ...completion,
  ...branches,
  ...sessions,
  ...settings,
  ...server,
  ...secrets,
  ...models,
  ...inbox,
  ...events,
  ...automations,
  ...delegation,
  ...skills,
  ...work,
  ...sharing,
  ...screen,
  ...preview,
  ...ship,
} as const;
