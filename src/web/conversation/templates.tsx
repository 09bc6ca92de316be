import { signal } from '@preact/signals';
import type { Outputs } from '../../client/types.ts';
import { pref } from '../data/prefs.ts';
import { query } from '../data/server.ts';
import { Button } from '../parts/kit/button.tsx';
import { closeDialog, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { List } from '../parts/kit/list.tsx';
import { openSettings } from '../settings/settings.tsx';
import { serverText, t } from '../text/text.ts';

type Template = Outputs['templates']['list']['templates'][number];

/** The template of a new session; empty: the server's default. */
export const chosenTemplate = pref<string>('template', '');
export const templates = signal<readonly Template[]>([]);

/** Also forgets the choice of one that is gone, or cannot run. */
export async function readTemplates(): Promise<void> {
  templates.value = (await query('templates.list', undefined)).templates;
  const chosen = templates.value.find(({ id }) => id === chosenTemplate.value);
  if (chosen === undefined || chosen.unavailable !== null) chosenTemplate.value = '';
}

export const templateName = (id: string): string =>
  id === '' ? t('serversOwn') : serverText(templates.value.find((one) => one.id === id)?.name ?? id);

/** The choices of a field: the default, and those that can run here. `value` stays one of them. */
export const templateChoices = (value: string): (readonly [id: string, name: string])[] => {
  const usable = templates.value.filter(({ id, unavailable }) => unavailable === null || id === value);
  return [['', t('serversOwn')], ...usable.map(({ id, name }) => [id, serverText(name)] as const)];
};

export const chooseTemplate = (): void => showDialog(<ChooseTemplate />);

/** All templates. Those that cannot run here say what they lack. */
function ChooseTemplate() {
  const row = (
    id: string,
    title: string,
    more: Partial<Parameters<typeof List>[0]['items'] & object>[number] = {},
  ) => ({
    key: id,
    title,
    isChosen: id === chosenTemplate.value,
    ...more,
    open() {
      chosenTemplate.value = id;
      closeDialog();
    },
  });
  const [ready, lacking] = [true, false].map((isReady) =>
    templates.value.filter(({ unavailable }) => (unavailable === null) === isReady),
  ) as [Template[], Template[]];
  return (
    <Dialog title={t('template')}>
      <List
        items={[
          row('', t('serversOwn'), { lines: [t('template.serversOwn')] }),
          ...ready.map(({ id, name, description }) => row(id, serverText(name), { lines: [serverText(description)] })),
        ]}
      />
      {lacking.length > 0 && <h3>{t('template.unavailable')}</h3>}
      <List
        items={lacking.map(({ id, name, unavailable }) =>
          row(id, serverText(name), {
            isOff: true,
            lines: [serverText(unavailable?.reason ?? ''), serverText(unavailable?.remedy ?? '')],
          }),
        )}
      />
      {lacking.length > 0 && (
        <div class="choices">
          <Button icon="gear" onClick={() => openSettings('server-secrets')}>
            {t('template.addSecret')}
          </Button>
        </div>
      )}
    </Dialog>
  );
}
