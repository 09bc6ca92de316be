import type { Outputs } from '../../client/types.ts';
import { Dialog, showDialog } from '../parts/dialog.tsx';
import { serverText, t } from '../text/text.ts';

type Template = Outputs['templates']['list']['templates'][number];

/** How many templates cannot run here; the reasons and the remedies are one click away. */
export function UnavailableTemplates({ templates }: { templates: readonly Template[] }) {
  const without = templates.filter(({ unavailable }) => unavailable !== null);
  if (without.length === 0) return null;
  return (
    <button type="button" class="link" aria-haspopup="dialog" onClick={() => showDialog(<Reasons without={without} />)}>
      {t('templates.cannot', { n: without.length })}
    </button>
  );
}

const Reasons = ({ without }: { without: readonly Template[] }) => (
  <Dialog title={t('templates.cannotTitle')}>
    <dl class="reasons">
      {without.map(({ id, name, unavailable }) => (
        <div key={id}>
          <dt>{serverText(name)}</dt>
          <dd>{serverText(unavailable?.reason ?? '')}</dd>
          <dd class="quiet">{serverText(unavailable?.remedy ?? '')}</dd>
        </div>
      ))}
    </dl>
  </Dialog>
);
