import { signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { serverInfo } from '../data/system.ts';
import { chooseModelFor } from '../models/choose.tsx';
import { chosenModel, effectiveModels, loadEffectiveModels, modelLabel } from '../models/state.ts';
import { ChipButton } from '../parts/kit/button.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { pressedKey } from '../parts/pressed-key.ts';
import { projectFilter, projects } from '../sessions/filters.ts';
import { chosenTemplate, loadTemplates, templateName, templates } from '../sessions/templates.ts';
import { chooseSkills } from '../skills/choose.tsx';
import { chosenSkills, loadSkills, skills } from '../skills/state.ts';
import { t } from '../text/text.ts';
import { chooseTemplate } from './templates.tsx';

/** URL, optionally with `#` and a branch, tag or commit. Empty: no repository. */
export const chosenRepository = signal('');

export function NewSessionChoices() {
  useEffect(() => {
    // Without its list, the template or skills chip is hidden.
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
          value={templateName(chosenTemplate.value)}
          onClick={chooseTemplate}
        />
      )}
      <ChipButton icon="spark" label={t('model')} value={modelLabel(model)} onClick={() => chooseModelFor(undefined)} />
      {skills.value !== undefined && skills.value.length > 0 && (
        <ChipButton icon="book" label={t('skills')} value={picked} onClick={() => chooseSkills(undefined)} />
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
  const isOpen = useSignal(false);
  const url = chosenRepository.value;
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
  const leave = (field: HTMLInputElement) => {
    if (field.checkValidity()) isOpen.value = false;
  };
  return (
    <input
      ref={(field) => field?.focus()}
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
        if (pressedKey(event) !== 'Enter') return;
        event.preventDefault(); // keeps the message's form from being sent
        if (event.currentTarget.reportValidity()) document.getElementById('message')?.focus();
      }}
    />
  );
}
