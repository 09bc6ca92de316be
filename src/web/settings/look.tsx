import { theme } from '../data/prefs.ts';
import { Choice } from '../parts/choice.tsx';
import { type Language, language, languages, t } from '../text/text.ts';

export const Look = () => (
  <>
    <Choice
      label={t('theme')}
      value={theme.value}
      options={[
        { value: 'system', label: t('theme.system') },
        { value: 'light', label: t('theme.light') },
        { value: 'dark', label: t('theme.dark') },
      ]}
      onChange={(value) => {
        theme.value = value;
      }}
    />
    <Choice
      label={t('language')}
      value={language.value}
      options={(Object.keys(languages) as Language[]).map((value) => ({ value, label: languages[value].label }))}
      onChange={(value) => {
        language.value = value;
      }}
    />
  </>
);
