import { ChoiceField } from '../parts/kit/field.tsx';
import { t } from '../text/text.ts';
import { projects } from './filters.ts';

interface Props {
  /** Project id. Empty: none. */
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** Hidden from people without projects. */
export const ProjectField = (props: Props) =>
  projects.value.length > 0 && (
    <ChoiceField
      label={t('filter.ofNew')}
      choices={[['', t('noProject')], ...projects.value.map(({ id, name }) => [id, name] as const)]}
      {...props}
    />
  );
export const projectNameOf = (project: string | null): string | undefined =>
  projects.value.find(({ id }) => id === project)?.name;
