import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { serverInfo } from '../data/system.ts';
import { openSessionModelPicker } from '../models/session-model.ts';
import { chosenModel, effectiveModels, formatModelLabel, loadEffectiveModels } from '../models/state.ts';
import { focusOnMount } from '../parts/focus.ts';
import { Button, ChipButton } from '../parts/kit/button.tsx';
import { closeDialog, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { List, type ListItem } from '../parts/kit/list.tsx';
import { pressedKeyOf } from '../parts/pressed-key.ts';
import { projectFilter, projects } from '../sessions/filters.ts';
import { chosenTemplate, loadTemplates, type Template, templateNameOf, templates } from '../sessions/templates.ts';
import { openSettings } from '../settings/settings.tsx';
import { openSkillPicker } from '../skills/skills.tsx';
import { chosenSkills, loadSkills, skills } from '../skills/state.ts';
import { t, translateServerText } from '../text/text.ts';

/** URL, optionally with `#` and a branch, tag or commit. Empty: no repository. */
export const chosenRepository = signal('');
export const isRepositoryFieldOpen = signal(false);

export function NewSessionChoices() {
  useEffect(() => {
    for (const read of [loadEffectiveModels, loadSkills, loadTemplates]) void read().catch(() => {});
  }, []);
  const model = chosenModel.value || effectiveModels.value?.model || serverInfo.value?.model || '';
  const picked = chosenSkills.value.join(', ');
  return (
    <div class="row choices-new fill wrap">
      {templates.value.length > 1 && (
        <ChipButton
          icon="box"
          label={t('template')}
          value={templateNameOf(chosenTemplate.value)}
          onClick={() => showDialog(<ChooseTemplate />)}
        />
      )}
      <ChipButton
        icon="spark"
        label={t('model')}
        value={formatModelLabel(model)}
        onClick={() => openSessionModelPicker(undefined)}
      />
      {skills.value !== undefined && skills.value.length > 0 && (
        <ChipButton icon="book" label={t('skills')} value={picked} onClick={() => openSkillPicker(undefined)} />
      )}
      {projects.value.length > 0 && (
        <label class="chip-button small-text">
          <Icon name="archive" size={15} />
          <select
            aria-label={t('filter.ofNew')}
            value={projectFilter.value}
            onChange={({ currentTarget }) => {
              projectFilter.value = currentTarget.value;
            }}
          >
            <option value="">{t('filter.ofNew')}</option>
            {projects.value.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      <RepositoryChip />
    </div>
  );
}

function RepositoryChip() {
  const isOpen = isRepositoryFieldOpen;
  const url = chosenRepository.value;
  useEffect(
    () => () => {
      isOpen.value = false;
    },
    [],
  );
  const name = url.replace(/^.*[/](?=[^/])|[/]$|[.]git(?=#|$)/g, '');
  if (!isOpen.value)
    return (
      <ChipButton
        icon="folder"
        label={t('repository')}
        value={name}
        onClick={() => {
          isOpen.value = true;
        }}
      />
    );
  // Delayed, because closing at once would move Send away during a tap on it.
  const leave = (field: HTMLInputElement) =>
    setTimeout(() => {
      if (field.checkValidity() && field !== document.activeElement) isOpen.value = false;
    }, 300);
  return (
    <input
      ref={selectOnMount}
      type="url"
      class="chip-button small-text"
      aria-label={t('repository')}
      pattern="(https?://|file:///).+"
      placeholder="https://example.org/team/project.git#main"
      value={url}
      onInput={({ currentTarget }) => {
        chosenRepository.value = currentTarget.value;
      }}
      onBlur={({ currentTarget }) => leave(currentTarget)}
      onKeyDown={(event) => {
        if (pressedKeyOf(event) !== 'Enter') return;
        event.preventDefault(); // keeps the message form from being submitted
        if (event.currentTarget.reportValidity()) document.getElementById('message')?.focus();
      }}
    />
  );
}

const selectOnMount = (field: HTMLInputElement | null): void => {
  focusOnMount(field);
  field?.select();
};

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
          row('', t('template.default'), { lines: [t('template.serversOwn')] }),
          ...ready.map(({ id, name, description }) =>
            row(id, translateServerText(name), { lines: [translateServerText(description)] }),
          ),
        ]}
      />
      {lacking.length > 0 && <h3>{t('template.unavailable')}</h3>}
      <List
        items={lacking.map(({ id, name, unavailable }) =>
          row(id, translateServerText(name), {
            isOff: true,
            lines: [translateServerText(unavailable?.reason ?? ''), translateServerText(unavailable?.remedy ?? '')],
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
