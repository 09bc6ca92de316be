import katex from 'katex';

// Converts LaTeX to MathML. Returns only the listed elements and attributes, none of which links anywhere.

const maxText = 5_000; // characters
const maxNodes = 3_000;
const maxDepth = 60;
const maxSizeEm = 20;
const maxExpansions = 300;

export type FormulaNode =
  | string
  | {
      readonly name: string;
      readonly attributes: Readonly<Record<string, string>>;
      readonly inner: readonly FormulaNode[];
    };

const names = new Set(
  `math mrow mi mn mo ms mtext mspace mstyle merror mpadded mphantom mfrac msqrt mroot msub msup msubsup munder mover
  munderover mmultiscripts mprescripts mtable mtr mtd menclose`.split(/\s+/),
);
const attributes = new Set(
  `display displaystyle scriptlevel mathvariant mathcolor mathbackground mathsize stretchy symmetric largeop movablelimits
  fence separator form lspace rspace minsize maxsize accent accentunder linethickness width height depth voffset
  rowspacing columnspacing columnalign columnlines rowlines frame notation bevelled side linebreak`.split(/\s+/),
);

/** KaTeX's node. Spaces have `character` or `width`. */
interface KatexNode {
  readonly type?: string;
  readonly text?: string;
  readonly character?: string;
  readonly width?: number;
  readonly attributes?: Readonly<Record<string, unknown>>;
  readonly children?: readonly KatexNode[];
}

/** Undefined: the formula exceeds the limits. Throws if KaTeX cannot parse the text. */
export function parseFormula(text: string, isBlock: boolean): FormulaNode | undefined {
  if (text.length > maxText) return undefined;
  const options = { maxSize: maxSizeEm, maxExpand: maxExpansions, trust: false, throwOnError: true, strict: 'ignore' };
  const { __renderToDomTree: render } = katex as unknown as {
    readonly __renderToDomTree: (tex: string, options: object) => KatexNode;
  };
  const tree = render(text, { ...options, output: 'mathml', displayMode: isBlock });
  const limits = { nodes: maxNodes };
  const [math] = tree.children?.flatMap((child) => read(child, limits, 0)) ?? [];
  return limits.nodes < 0 || typeof math !== 'object' ? undefined : math;
}

function read(node: KatexNode, limits: { nodes: number }, depth: number): readonly FormulaNode[] {
  if (--limits.nodes < 0 || depth > maxDepth) {
    limits.nodes = -1;
    return [];
  }
  if (node.text !== undefined) return [node.text];
  const inner = (node.children ?? []).flatMap((child) => read(child, limits, depth + 1));
  if (node.type === 'semantics') return inner; // the first child is the formula
  if (node.type === 'annotation') return [];
  if (node.type === undefined && node.width !== undefined) return [space(node.character, node.width)];
  if (node.type === undefined || !names.has(node.type)) return inner;
  const kept = Object.entries(node.attributes ?? {}).filter(([name]) => attributes.has(name));
  const input = Object.fromEntries(kept.map(([name, value]) => [name, String(value).slice(0, 200)]));
  return [{ name: node.type, attributes: input, inner }];
}

const space = (character: string | undefined, em: number): FormulaNode =>
  character
    ? { name: 'mtext', attributes: {}, inner: [character] }
    : { name: 'mspace', attributes: { width: `${em}em` }, inner: [] };
