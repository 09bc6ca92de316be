import { TranslatedServer } from '../server-words.ts';
import type { Texts } from '../texts.ts';
import { app } from './app.ts';
import { automations } from './automations.ts';
import { conversation } from './conversation.ts';
import { delegation } from './delegation.ts';
import { events } from './events.ts';
import { models } from './models.ts';
import { preview } from './preview.ts';
import { secrets } from './secrets.ts';
import { server as serverSettings } from './server.ts';
import { sessions } from './sessions.ts';
import { settings } from './settings.ts';
import { sharing } from './sharing.ts';
import { ship } from './ship.ts';
import { errors } from './words/errors.ts';
import { phrases } from './words/phrases.ts';
import { work } from './work.ts';

export const de: Texts = {
  ...app,
  ...conversation,
  ...sessions,
  ...settings,
  ...serverSettings,
  ...secrets,
  ...models,
  ...events,
  ...automations,
  ...delegation,
  ...work,
  ...sharing,
  ...preview,
  ...ship,
};

/** Translations of the server's own texts, which are English. */
export const server = new TranslatedServer({ errors, phrases, quoted: 'Meldung des Servers: „{words}“' });
