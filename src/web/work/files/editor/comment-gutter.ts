import { type Extension, StateEffect, StateField } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView, GutterMarker, gutter, WidgetType } from '@codemirror/view';

// A slot gives the comment the page's styles, not those of the shadow root.

/** Line with the comment, counted from 1. Undefined: no comment is shown. */
export const setCommentedLine = StateEffect.define<number | undefined>();
const setHoveredLine = StateEffect.define<number>();

class CommentSlot extends WidgetType {
  #resized: ResizeObserver | undefined;

  override toDOM(view: EditorView): HTMLElement {
    const { scrollDOM, contentDOM } = view;
    const place = document.createElement('div');
    // Limits the comment to the width of the view, even if lines are wider.
    const left = contentDOM.offsetLeft;
    Object.assign(place.style, { position: 'sticky', left: `${left}px`, width: `${scrollDOM.clientWidth - left}px` });
    const slot = document.createElement('slot');
    slot.name = 'comment';
    place.append(slot);
    this.#resized = new ResizeObserver(() => view.requestMeasure()); // the line numbers follow the comment's height
    this.#resized.observe(place);
    return place;
  }
  override destroy(): void {
    this.#resized?.disconnect();
  }
  override eq(): boolean {
    return true;
  }
}

const commentPlace = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(before, { effects, changes, state: { doc } }) {
    const changed = effects.findLast((effect) => effect.is(setCommentedLine));
    if (!changed) return before.map(changes);
    if (changed.value === undefined) return Decoration.none;
    const { to } = doc.line(Math.min(changed.value, doc.lines));
    return Decoration.set(Decoration.widget({ widget: new CommentSlot(), block: true, side: 1 }).range(to));
  },
  provide: (field) => EditorView.decorations.from(field),
});

const hoveredLine = StateField.define<number>({
  create: () => 0,
  update: (before, { effects }) => effects.findLast((effect) => effect.is(setHoveredLine))?.value ?? before,
});

class Plus extends GutterMarker {
  readonly act: () => void;

  constructor(act: () => void) {
    super();
    this.act = act;
  }
  override toDOM(): HTMLElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.tabIndex = -1; // keyboard users have a button in the bar below the text
    button.textContent = '+';
    button.onclick = this.act;
    return button;
  }
}

export const commentGutter = (open: (from: number, to: number) => void): Extension => [
  commentPlace,
  hoveredLine,
  gutter({
    class: 'cm-comments',
    lineMarker({ state }, { from }) {
      const { doc, selection } = state;
      const { number } = doc.lineAt(from);
      const [first, last] = [doc.lineAt(selection.main.from).number, doc.lineAt(selection.main.to).number];
      if (number !== state.field(hoveredLine) && number !== last) return null;
      return new Plus(() => (number >= first && number <= last ? open(first, last) : open(number, number)));
    },
    lineMarkerChange: ({ selectionSet, startState, state }) =>
      selectionSet || startState.field(hoveredLine) !== state.field(hoveredLine),
    initialSpacer: () => new Plus(() => {}),
  }),
  EditorView.domEventHandlers({
    mousemove({ clientX: x, clientY: y }, view) {
      const { number } = view.state.doc.lineAt(view.posAtCoords({ x, y }, false));
      if (number !== view.state.field(hoveredLine)) view.dispatch({ effects: setHoveredLine.of(number) });
    },
  }),
];
