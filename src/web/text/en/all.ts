import { appStrings } from './app.ts';
import { automationStrings } from './automations.ts';
import { conversationStrings } from './conversation.ts';
import { delegationStrings } from './delegation.ts';
import { eventTexts } from './events.ts';
import { modelStrings } from './models.ts';
import { previewStrings } from './preview.ts';
import { secretStrings } from './secrets.ts';
import { serverSettingStrings } from './server.ts';
import { sessionStrings } from './sessions.ts';
import { settingsStrings } from './settings.ts';
import { sharingStrings } from './sharing.ts';
import { shipStrings } from './ship.ts';
import { workStrings } from './work.ts';

export const en = {
  ...appStrings,
  ...conversationStrings,
  ...sessionStrings,
  ...settingsStrings,
  ...serverSettingStrings,
  ...secretStrings,
  ...modelStrings,
  ...eventTexts,
  ...automationStrings,
  ...delegationStrings,
  ...workStrings,
  ...sharingStrings,
  ...previewStrings,
  ...shipStrings,
} as const;
