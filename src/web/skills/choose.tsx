import { useEffect, useState } from 'preact/hooks';
import { closeDialog, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { Form, MultiChoiceField } from '../parts/kit/field.tsx';
import { FormError, useActionError } from '../parts/kit/trouble.tsx';
import { t } from '../text/text.ts';
import { loadSkills, readChosenSkills, saveChosenSkills, skills } from './state.ts';

/** `id` undefined: the next session. */
export const openSkillPicker = (id: string | undefined): void => showDialog(<ChooseSkills id={id} />);

function ChooseSkills({ id }: { id: string | undefined }) {
  const [chosen, setChosen] = useState<readonly string[]>();
  const [trouble, tryIt] = useActionError();
  useEffect(
    () =>
      void tryIt(t('skills.unread'), async () => {
        await loadSkills();
        setChosen(await readChosenSkills(id));
      }),
    [id],
  );
  const pinOf = (name: string) => chosen?.find((pin) => pin.split('@')[0] === name) ?? name;
  const save = async () => {
    await saveChosenSkills(id, chosen ?? []);
    closeDialog();
  };
  return (
    <Dialog title={t('skills.choose')}>
      <Form failure={t('notSaved')} save={t('skills.take')} onSave={save}>
        <FormError text={trouble} />
        {chosen && skills.value?.length === 0 && <p class="quiet">{t('skills.none')}</p>}
        {chosen && skills.value && skills.value.length > 0 && (
          <MultiChoiceField
            legend={t(id === undefined ? 'skills.ofNext' : 'skills.ofThis')}
            choices={skills.value.map(({ name, description }) => [pinOf(name), name, description])}
            chosen={chosen}
            onChange={setChosen}
          />
        )}
      </Form>
    </Dialog>
  );
}
