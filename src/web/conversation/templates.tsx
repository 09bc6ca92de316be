import { Button } from '../parts/kit/button.tsx';
import { closeDialog, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { List, type ListItem } from '../parts/kit/list.tsx';
import { chosenTemplate, type Template, templates } from '../sessions/templates.ts';
import { openSettings } from '../settings/settings.tsx';
import { serverText, t } from '../text/text.ts';

export const chooseTemplate = (): void => showDialog(<ChooseTemplate />);

/** Templates that cannot run here show the reason. */
function ChooseTemplate() {
  const row = (id: string, title: string, more: Partial<ListItem> = {}): ListItem => ({
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
          row('', t('form.default'), { lines: [t('template.serversOwn')] }),
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
          <Button icon="gear" label={t('template.addSecret')} onClick={() => openSettings('server-secrets')} />
        </div>
      )}
    </Dialog>
  );
}
