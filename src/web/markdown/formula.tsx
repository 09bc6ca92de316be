import { type ComponentChildren, createElement } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { FormulaNode } from '../parsing/formula.ts';
import { parse } from '../parsing/parse.ts';
import { Boundary } from '../parts/boundary.tsx';
import { t } from '../text/text.ts';

interface Props {
  readonly tex: string;
  /** On lines of its own. */
  readonly isBlock: boolean;
}

/** A formula as MathML. Its text stays where the worker cannot read it. */
export function Formula({ tex, isBlock }: Props) {
  const [read, setRead] = useState<{ readonly tex: string; readonly tree: FormulaNode | undefined }>();
  useEffect(() => {
    const ended = new AbortController();
    void parse('formula', { tex, isBlock }, ended.signal).then(
      (tree) => ended.signal.aborted || setRead({ tex, tree }),
    );
    return () => ended.abort();
  }, [tex, isBlock]);
  const plain = <code class={isBlock ? 'formula-source' : undefined}>{tex}</code>;
  const drawn = read?.tree && <Boundary instead={plain}>{draw(read.tree, 0)}</Boundary>;
  if (!isBlock) return <span>{drawn ?? plain}</span>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide formula scrolls, also by keyboard
    <div class="formula" role="group" aria-label={t('formula')} tabIndex={0}>
      {drawn ?? plain}
    </div>
  );
}

/** The worker lets only elements of MathML through, without links and styles. */
const draw = (node: FormulaNode, key: number): ComponentChildren =>
  typeof node === 'string' ? node : createElement(node.name, { key, ...node.attributes }, node.inner.map(draw));
