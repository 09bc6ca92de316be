import { signal } from '@preact/signals';
import type { Outputs } from '../../client/types.ts';
import { query } from '../data/server.ts';
import { currentSession } from '../data/sessions.ts';
import { t, translateServerText } from '../text/text.ts';

export type Template = Outputs['templates']['list']['templates'][number];

/** Empty: the server's default. */
export const chosenTemplate = signal('');
export const templates = signal<readonly Template[]>([]);

/** Resets a choice whose template is gone or cannot run here. */
export async function loadTemplates(): Promise<void> {
  templates.value = (await query('templates.list', undefined)).templates;
  const chosen = templates.value.find(({ id }) => id === chosenTemplate.value);
  if (chosen === undefined || chosen.unavailable !== null) chosenTemplate.value = '';
}

export const templateNameOf = (id: string): string =>
  id === '' ? t('template.default') : translateServerText(templates.value.find((one) => one.id === id)?.name ?? id);

/** Template of the current session. Without one of the session, project or server, it is the default. */
export function currentTemplateNameOf(id: string): string {
  const { templateBy, projectId } = currentSession.value ?? {};
  return templateNameOf(templateBy === null && projectId === null ? '' : id);
}

/** The default, and the templates that can run here. `value` is always offered. */
export const listTemplateChoices = (value: string): (readonly [id: string, name: string])[] => {
  const usable = templates.value.filter(({ id, unavailable }) => unavailable === null || id === value);
  return [['', t('template.default')], ...usable.map(({ id, name }) => [id, translateServerText(name)] as const)];
};
