import { ServerTranslator } from '../server-words.ts';
import type { Texts } from '../texts.ts';
import { appStrings } from './app.ts';
import { automationStrings } from './automations.ts';
import { conversationStrings } from './conversation.ts';
import { delegationStrings } from './delegation.ts';
import { eventTexts } from './events.ts';
import { modelStrings } from './models.ts';
import { previewStrings } from './preview.ts';
import { secretStrings } from './secrets.ts';
import { serverSettingStrings as serverSettings } from './server.ts';
import { sessionStrings } from './sessions.ts';
import { settingsStrings } from './settings.ts';
import { sharingStrings } from './sharing.ts';
import { shipStrings } from './ship.ts';
import { errorTexts } from './words/errors.ts';
import { serverPhrases } from './words/phrases.ts';
import { workStrings } from './work.ts';

export const de: Texts = {
  ...appStrings,
  ...conversationStrings,
  ...sessionStrings,
  ...settingsStrings,
  ...serverSettings,
  ...secretStrings,
  ...modelStrings,
  ...eventTexts,
  ...automationStrings,
  ...delegationStrings,
  ...workStrings,
  ...sharingStrings,
  ...previewStrings,
  ...shipStrings,
};

export const serverTranslator = new ServerTranslator({
  errors: errorTexts,
  phrases: serverPhrases,
  quoted: 'Meldung des Servers: „{words}“',
});
