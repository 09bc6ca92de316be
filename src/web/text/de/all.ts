import { ServerTranslator } from '../server-words.ts';
import type { Texts } from '../texts.ts';
import { appTexts } from './app.ts';
import { automationTexts } from './automations.ts';
import { conversationTexts } from './conversation.ts';
import { delegationTexts } from './delegation.ts';
import { eventTexts } from './events.ts';
import { modelTexts } from './models.ts';
import { previewTexts } from './preview.ts';
import { secretTexts } from './secrets.ts';
import { serverSettingTexts as serverSettings } from './server.ts';
import { sessionTexts } from './sessions.ts';
import { settingsTexts } from './settings.ts';
import { sharingTexts } from './sharing.ts';
import { shipTexts } from './ship.ts';
import { errorTexts } from './words/errors.ts';
import { serverPhrases } from './words/phrases.ts';
import { workTexts } from './work.ts';

export const de: Texts = {
  ...appTexts,
  ...conversationTexts,
  ...sessionTexts,
  ...settingsTexts,
  ...serverSettings,
  ...secretTexts,
  ...modelTexts,
  ...eventTexts,
  ...automationTexts,
  ...delegationTexts,
  ...workTexts,
  ...sharingTexts,
  ...previewTexts,
  ...shipTexts,
};

/** Translations of the server's own texts, which are English. */
export const serverTranslator = new ServerTranslator({
  errors: errorTexts,
  phrases: serverPhrases,
  quoted: 'Meldung des Servers: „{words}“',
});
