import { appTexts } from './app.ts';
import { automationTexts } from './automations.ts';
import { conversationTexts } from './conversation.ts';
import { delegationTexts } from './delegation.ts';
import { eventTexts } from './events.ts';
import { modelTexts } from './models.ts';
import { previewTexts } from './preview.ts';
import { secretTexts } from './secrets.ts';
import { serverSettingTexts } from './server.ts';
import { sessionTexts } from './sessions.ts';
import { settingsTexts } from './settings.ts';
import { sharingTexts } from './sharing.ts';
import { shipTexts } from './ship.ts';
import { workTexts } from './work.ts';

export const en = {
  ...appTexts,
  ...conversationTexts,
  ...sessionTexts,
  ...settingsTexts,
  ...serverSettingTexts,
  ...secretTexts,
  ...modelTexts,
  ...eventTexts,
  ...automationTexts,
  ...delegationTexts,
  ...workTexts,
  ...sharingTexts,
  ...previewTexts,
  ...shipTexts,
} as const;
